// libFuzzer target: any bytes are read as CSV or refused with a message; a table that was read can
// be looked at cell by cell.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <saola/split/read.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace saola::split;
  const ReadLimits limits{.bytes = 1 << 20, .rows = 10'000, .columns = 100, .cells = 100'000};
  const auto table =
      read_table(std::string(reinterpret_cast<const char*>(data), size), {.limits = limits});
  if (!table) {
    if (table.error().message().empty()) std::abort();
    return 0;
  }
  std::string again;
  for (std::size_t c = 0; c < table->columns().size(); ++c) {
    const auto& column = table->columns()[c];
    const auto cells = table->text(c);
    if (cells.size() != table->rows()) std::abort();
    if (column.numeric() && column.values.size() != cells.size()) std::abort();
    for (const auto& cell : cells) append_csv_field(again, cell);
  }
  return 0;
}
