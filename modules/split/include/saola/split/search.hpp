// The search itself, on numbers: for callers that have a matrix already (benchmarks, tests).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/split/options.hpp>

namespace saola::split {

// REQUIRES: rows ≥ 2, at least two groups, every size ≥ 1, the sizes sum to rows, values finite.
struct Problem {
  std::size_t rows = 0;
  std::size_t columns = 0;
  // rows × columns, row-major, standardised (see standardise()).
  std::vector<double> values;
  // Of each group.
  std::vector<std::uint32_t> sizes;
  // Of each row, numbered from 0 without gaps; empty: one stratum.
  std::vector<std::uint32_t> stratum;
};

// Brings every column of a rows × columns matrix to mean 0 and sd 1 (n - 1); a column whose values
// are all the same becomes 0.
void standardise(std::vector<double>& values, std::size_t rows, std::size_t columns);

struct SearchOptions {
  Objective objective = Objective::kKPlus;
  Method method = Method::kSearch;
  std::size_t restarts = 1;
  std::uint64_t seed = 1;
};

// Asked every few milliseconds with the fraction of the work done (0 … 1) and what is going on;
// true ends the search.
using Poll = std::function<bool(double fraction, std::string_view message)>;

struct Solution {
  std::vector<std::uint32_t> group_of_row;
  // Value of the objective; absent when stopped before it could be computed (kDiversity). For
  // kDiversity beyond 6,000 rows from single-precision distances: good to seven digits.
  std::optional<double> objective;
  std::string partners;
  std::size_t restarts_done = 0;
  std::uint64_t trials = 0;
  std::uint64_t swaps = 0;
  bool stopped = false;
};

// Fails with kTooLarge when the tables of kDiversity would not fit (rows × groups over 2^27).
Result<Solution> search(const Problem& problem, const SearchOptions& options, const Poll& poll);

// A random assignment with the problem's sizes and strata: what search() is compared with.
std::vector<std::uint32_t> random_assignment(const Problem& problem, std::uint64_t seed);

// The objective's value of an assignment, from its definition; absent when `poll` stopped it.
// Costs rows × columns, for kDiversity rows² × columns.
std::optional<double> evaluate(const Problem& problem, Objective objective,
                               const std::vector<std::uint32_t>& group_of_row, const Poll& poll);

}  // namespace saola::split
