// The search itself, on numbers: for callers that have a matrix already (benchmarks, tests).
//
//   Problem problem{.rows = 6, .columns = 1, .values = {1, 2, 3, 4, 5, 6}, .sizes = {3, 3}};
//   standardise(problem.values, problem.rows, problem.columns);
//   auto best = search(problem, {.objective = Objective::kVariance}, [](const Progress&) {
//     return false;                                     // true: stop with the best so far
//   });
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/split/options.hpp>

namespace saola::split {

// How a column is brought to mean 0 and sd 1 (n - 1): (value × 2^-exponent - mean) / sd, the power of
// two so that nothing overflows.
struct Standard {
  int exponent = 0;
  double mean = 0;
  // 0: every value is the same, and becomes 0.
  double sd = 0;

  double of(double value) const { return sd > 0 ? (std::ldexp(value, -exponent) - mean) / sd : 0; }
};

// A column that lies elsewhere, one value a row, and is standardised when it is read: so a large table
// is kept once. What it points to must outlive it.
struct ColumnSource {
  // Numbers; empty: 1 where the row has `level` in `levels`, else 0.
  std::span<const double> values;
  std::span<const std::uint32_t> levels;
  std::uint32_t level = 0;
  Standard standard;

  double raw(std::size_t row) const {
    return values.empty() ? (levels[row] == level ? 1 : 0) : values[row];
  }
};

// What is to be split: a matrix or distances, the groups' sizes, and what must be spread. REQUIRES:
// rows ≥ 2, at least two groups, every size ≥ 1, the sizes sum to rows, values finite, columns or
// distances.
struct Problem {
  std::size_t rows = 0;
  std::size_t columns = 0;
  // rows × columns, row-major, standardised (see standardise()).
  std::vector<double> values;
  // One a column, instead of `values`.
  std::vector<ColumnSource> sources;
  // rows × rows, symmetric, the diagonal 0; instead of the columns' Euclidean distances. Empty:
  // those.
  std::vector<float> distances;
  // The last so many columns have two values only; kKPlus takes no squares of them.
  std::size_t indicators = 0;
  // Of kKPlus, as in Options.
  std::size_t moments = 2;
  bool correlations = false;
  // How much each column counts; empty: 1 each.
  std::vector<double> weights;
  // Of each group.
  std::vector<std::uint32_t> sizes;
  // Of each row, numbered from 0 without gaps; empty: one stratum.
  std::vector<std::uint32_t> stratum;
  // What the strata are made of, factors × strata: the level of each factor in each stratum. With
  // two factors or more, levels and pairs of levels are spread before the strata themselves.
  std::vector<std::vector<std::uint32_t>> factors;

  // The standardised value.
  double value(std::size_t row, std::size_t column) const {
    if (sources.empty()) return values[row * columns + column];
    return sources[column].standard.of(sources[column].raw(row));
  }
};

// Of a column's `rows` values, at least two.
Standard find_standard(const ColumnSource& column, std::size_t rows);

// Brings every column of a rows × columns matrix to mean 0 and sd 1 (n - 1); a column whose values
// are all the same becomes 0. In place.
void standardise(std::vector<double>& values, std::size_t rows, std::size_t columns);

// How far a search is.
struct Progress {
  // Of the work, 0 … 1; may fall when a better answer makes the search go on.
  double fraction = 0;
  // What is going on; valid during the call.
  std::string_view message;
  // CPU time that all threads have spent improving, in nanoseconds, estimated from what was done.
  std::uint64_t improving = 0;
};

// Asked every few milliseconds, from the thread that called search(); true ends the search.
using Poll = std::function<bool(const Progress&)>;

// How hard to try; see Options, which has the same for tables.
struct SearchOptions {
  Objective objective = Objective::kKPlus;
  Method method = Method::kSearch;
  // As in Options.
  std::optional<std::size_t> restarts;
  std::uint64_t seed = 1;
  std::size_t patience = 100;
  std::size_t threads = 0;
  // Asked while the answer is evaluated, after the search has ended: true leaves the objective out.
  Poll evaluating = {};
  // Keep so many different answers of restarts, the best ones; 0: only the best. Restarts go on
  // until there are so many, or 20 times as many were made.
  std::size_t designs = 0;
  // kEach: the answer of each restart instead, in their order and as it is, though another was the
  // same.
  enum class Keep { kDifferent, kEach } keep = Keep::kDifferent;
  // Groups' names mean nothing: answers that differ in them only are the same.
  enum class Labels { kMatter, kFree } labels = Labels::kMatter;
};

// One of a Pareto set.
struct ParetoPoint {
  double diversity = 0;
  double dispersion = 0;
  std::vector<std::uint32_t> group_of_row;
};

// What a search found, and what it took.
struct Solution {
  std::vector<std::uint32_t> group_of_row;
  // Value of the objective; absent when stopped before it could be computed (diversity). For
  // diversity beyond 6,000 rows from single-precision distances: good to seven digits.
  std::optional<double> objective;
  std::string partners;
  // Restarts that count for the answer, and the number of the best of them, from 0.
  std::size_t restarts_done = 0;
  std::size_t best_restart = 0;
  std::size_t threads = 1;
  std::uint64_t trials = 0;
  std::uint64_t swaps = 0;
  bool stopped = false;
  // The best answers, the best first, or those of each restart, with their costs (a maximised
  // objective's sign turned). Empty unless asked for.
  std::vector<std::pair<double, std::vector<std::uint32_t>>> designs;
  // Of kDispersion and kBicriterion; absent when no group has two units. Proven: no split has more.
  std::optional<double> dispersion;
  bool dispersion_proven = false;
  // Of kBicriterion, from the most diverse to the most dispersed, and which is the answer.
  std::vector<ParetoPoint> pareto;
  std::size_t pareto_chosen = 0;
};

// The best of all restarts, and of those the first: the same from any number of threads. REQUIRES:
// neither kDispersion nor kBicriterion, which only split() searches. Fails with
// kTooLarge when the tables of diversity would not fit (rows × groups over 2^27).
Result<Solution> search(const Problem& problem, const SearchOptions& options, const Poll& poll);

// A random assignment with the problem's sizes and strata: what search() is compared with.
std::vector<std::uint32_t> random_assignment(const Problem& problem, std::uint64_t seed);

// The objective's value of an assignment, from its definition; absent when `poll` stopped it, and
// for kDispersion when no group has two units. kBicriterion's is the diversity.
// Costs rows × columns, for diversity rows² × columns.
std::optional<double> evaluate(const Problem& problem, Objective objective,
                               const std::vector<std::uint32_t>& group_of_row, const Poll& poll);

}  // namespace saola::split
