#include <string>

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <saola/split/read.hpp>

#include "search/random.hpp"

namespace saola::split {
namespace {

// 200,000 rows: an id and `columns` numbers of six decimals, every other one in quotes if asked.
std::string make_csv(int columns, bool quotes) {
  Random random(1);
  std::string out = "id";
  for (int c = 0; c < columns; ++c) out += fmt::format(",x{}", c);
  for (int r = 0; r < 200'000; ++r) {
    out += fmt::format("\nunit {}", r);
    for (int c = 0; c < columns; ++c) {
      const double value = static_cast<double>(random.below(8'000'000)) / 1e6 - 4;
      out +=
          quotes && c % 2 == 0 ? fmt::format(",\"{:.6f}\"", value) : fmt::format(",{:.6f}", value);
    }
  }
  return out + "\n";
}

void BM_ReadCsv(benchmark::State& state) {
  const auto bytes = make_csv(static_cast<int>(state.range(0)), state.range(1) == 1);
  for (auto _ : state) {
    auto table = read_table(bytes);
    benchmark::DoNotOptimize(table);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK(BM_ReadCsv)->ArgNames({"columns", "quoted"})->Args({5, 0})->Args({30, 0})->Args({5, 1});

}  // namespace
}  // namespace saola::split
