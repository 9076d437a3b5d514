// Reads an Excel workbook (Office Open XML) through liborcus.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/split/read.hpp>

namespace saola::split {

struct SheetText {
  // The cells of one sheet as CSV with commas; numbers with '.' as the decimal point, dates as
  // 2024-01-31.
  std::string csv;
  std::vector<std::string> notes;
};

// The sheet of that name, or the first that has cells. Fails with kDataCorrupt on a damaged file,
// kTooLarge on a limit (also of the archive's parts, before they are decompressed),
// kInvalidArgument when there is no such sheet.
Result<SheetText> read_xlsx(std::string_view bytes, const ReadOptions& options);

}  // namespace saola::split
