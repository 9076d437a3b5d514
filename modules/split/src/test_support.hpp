// For the tests of this module only.
#pragma once

#include <atomic>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/split/read.hpp>
#include <saola/split/search.hpp>
#include <saola/split/split.hpp>

#include "search/random.hpp"

namespace saola::split {

// A clock that moves by `step` each time it is read.
class SteppingClock : public Clock {
 public:
  explicit SteppingClock(Duration step) : step_(step) {}
  SteadyTime steady_now() const override { return now_ += step_; }
  SystemTime system_now() const override { return SystemTime(now_.time_since_epoch()); }

 private:
  Duration step_;
  mutable SteadyTime now_{};
};

inline Table table_of(std::string bytes) {
  auto table = read_table(std::move(bytes));
  EXPECT_TRUE(table.has_value()) << table.error().message();
  return table ? std::move(*table) : Table();
}

inline Table example(std::string_view name) {
  std::string path = SAOLA_SOURCE_DIR "/examples/data/";
  path += name;
  std::ifstream file(path);
  return table_of({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
}

// With little patience, unless the test says otherwise.
inline Result<Outcome> split_quietly(const Table& table, Options options) {
  if (options.patience == Options().patience) options.patience = 3;
  Observer observer;
  return split(table, options, observer, real_clock());
}

inline std::string split_error(const Table& table, const Options& options) {
  const auto outcome = split_quietly(table, options);
  EXPECT_FALSE(outcome.has_value());
  return outcome ? "" : outcome.error().message();
}

// Reproducible numbers in -1 … 1, not standardised.
inline std::vector<double> some_values(std::size_t count, std::uint64_t seed) {
  Random random(seed, 99);
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(static_cast<double>(random.below(2'000'001)) / 1e6 - 1);
  }
  return values;
}

inline Problem some_problem(std::size_t rows, std::size_t columns, std::vector<std::uint32_t> sizes,
                            std::uint64_t seed) {
  Problem problem;
  problem.rows = rows;
  problem.columns = columns;
  problem.values = some_values(rows * columns, seed);
  standardise(problem.values, rows, columns);
  problem.sizes = std::move(sizes);
  return problem;
}

}  // namespace saola::split
