// What to split into, by which columns, and how hard to try.
//
//   Options options;
//   options.groups = NamedGroups{{"treatment", "control"}};
//   options.strata = {"site"};
//   options.budget = std::chrono::seconds(10);
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>

namespace saola::split {

// Which meaning of "alike" is optimised, over the standardised columns (mean 0, sd 1 with n - 1).
enum class Objective {
  // Sum of Euclidean distances between members of the same group; maximised. For groups of equal
  // size: with sizes that differ by more than one, split() takes kAverageDiversity instead, for the
  // sum would be all but decided by the largest group.
  kDiversity,
  // Sum over groups of the sum of distances divided by the group's size; maximised.
  kAverageDiversity,
  // Sum over groups of size × squared distance of the group's mean from 0 (the between-group sum of
  // squares: k-means' criterion, turned round); minimised, 0 is perfect. Equalises means.
  kVariance,
  // kVariance over the columns and their squared deviations, standardised too (Papenberg 2024,
  // "k-plus anticlustering"); minimised. Equalises means and standard deviations; see
  // Options::moments and Options::correlations for more.
  kKPlus,
  // The smallest distance between two members of the same group; maximised, and then the diversity
  // (of unequal sizes the average) of the splits that reach it.
  kDispersion,
  // Both: the set of splits that no other beats in diversity and dispersion, from which the one that
  // gains most of both together is the answer.
  kBicriterion,
};

// The sums are over groups of features: a value costs O(rows).
constexpr bool is_linear(Objective objective) {
  return objective == Objective::kVariance || objective == Objective::kKPlus;
}

// How hard the search tries: each is the one before it and more.
enum class Method {
  // Each unit once, in a random order, swapped with its best partner in another group.
  kExchange,
  // Exchange passes until none improves.
  kLocalMaximum,
  // Local maximum, then rounds of disturbing and improving again; the best is kept.
  kSearch,
  // A population of local maxima that are disturbed, crossed, and disturbed where they are weakest (Yang
  // et al. 2022, "three-phase search with dynamic population size").
  kThreePhase,
};

// What to do with rows that miss a value in a column that is balanced or a stratum.
enum class Missing {
  // The split fails; the text names every such column.
  kFail,
  // They get no group.
  kDropRows,
  // The column's mean, or median, stands in; in a stratum "(missing)" is a level of its own.
  kMean,
  kMedian,
  // The mean stands in, and whether the value is missing is balanced too.
  kIndicator,
};

// "diversity", "average-diversity", "variance", "kplus", "dispersion", "bicriterion"; "exchange", "local-maximum", "search",
// "three-phase";
// "fail", "drop_rows", "mean", "median", "indicator". The parse_ functions fail with the list of
// what exists.
std::string_view to_string(Objective objective);
std::string_view to_string(Method method);
std::string_view to_string(Missing missing);
Result<Objective> parse_objective(std::string_view name);
Result<Method> parse_method(std::string_view name);
Result<Missing> parse_missing(std::string_view name);

// Groups of equal size.
struct EqualGroups {
  // That many groups named "1", "2", …; sizes differ by at most one.
  std::size_t count = 2;
};
// The same with names of your own: NamedGroups{{"treatment", "control"}}.
struct NamedGroups {
  // One group a name; sizes differ by at most one.
  std::vector<std::string> names;
};
// Groups of given sizes: WeightedGroups{{{"control", 0.8}, {"test", 0.2}}}.
struct WeightedGroups {
  // Name and weight. The weights are shares when they sum to 1 (within 0.001; sizes are rounded by
  // largest remainder), else sizes: whole numbers that sum to the number of rows.
  std::vector<std::pair<std::string, double>> weights;
};
// Groups whose sizes the search may choose: RangedGroups{{{"a", 10, 20}, {"b", 10, 90}}}.
struct RangedGroups {
  // Each group has at least `min` rows (1 or more) and at most `max`.
  struct Range {
    std::string name;
    std::uint32_t min = 1;
    std::uint32_t max = 0;
  };
  std::vector<Range> ranges;
};
// The groups wanted, in one of four ways.
using Groups = std::variant<EqualGroups, NamedGroups, WeightedGroups, RangedGroups>;

// Where units may go, by their ids. All can be combined, with strata too (each column of which is
// then spread as well as the constraints allow).
//
//   Constraints where;
//   where.fixed = {{"store 7", "control"}};
//   where.apart = {{"store 1", "store 2"}};          // rivals
//   where.together_column = "city";
struct Constraints {
  // Unit and its group.
  std::vector<std::pair<std::string, std::string>> fixed;
  // Unit and the groups it may be in.
  std::vector<std::pair<std::string, std::vector<std::string>>> allowed;
  // Units that get no group.
  std::vector<std::string> exclude;
  // Sets of units that must be in the same group, and a column whose equal values must be.
  std::vector<std::vector<std::string>> together;
  std::optional<std::string> together_column;
  // Sets of units of which no two may be in the same group, and a column of whose equal values at
  // most `apart_most` may be.
  std::vector<std::vector<std::string>> apart;
  std::optional<std::string> apart_column;
  std::uint32_t apart_most = 1;
  // Bounds of a group's share of the sum of a numeric column, 0 … 1.
  struct Share {
    std::string group;
    double min = 0;
    double max = 1;
  };
  std::optional<std::string> volume_column;
  std::vector<Share> volume_shares;
};

// How a numeric column enters the objective: as it is, by its logarithm (kLog: needs values above
// 0), or by the ranks of its values; then standardised.
enum class Transform { kStandardise, kLog, kRank };
Result<Transform> parse_transform(std::string_view name);  // "standardise", "log", "rank"
std::string_view to_string(Transform transform);

// All that split() wants to know besides the table. The defaults make two groups alike in every
// numeric column; split() checks everything and names what it cannot do.
struct Options {
  Groups groups = EqualGroups{2};
  // The column that names each row, which must differ from row to row; none: the first.
  std::optional<std::string> id_column;
  // The numeric columns to balance; empty: every numeric column but the id and the strata.
  std::vector<std::string> columns;
  // Categorical columns whose values are spread over the groups in proportion: the values of each
  // column first, then those of each pair of columns, then every combination, each count less than
  // one off where the sizes allow it.
  std::vector<std::string> strata;
  // Categorical columns that enter the objective, one indicator (0 or 1) a value.
  std::vector<std::string> categories;
  Missing missing = Missing::kFail;
  // How much a balanced column counts; 1 unless named.
  std::vector<std::pair<std::string, double>> weights;
  std::vector<std::pair<std::string, Transform>> transforms;
  Constraints constraints;
  // The table is a matrix of distances: the columns that are named like the rows' ids say how far
  // apart each two units are (symmetric, not below 0; one of the two may be missing). For the
  // objectives that are made of distances; no other column is balanced but strata. At most 6,000
  // rows.
  bool distance_matrix = false;
  // A column with the name of each unit's group to start from; empty cells are free.
  std::optional<std::string> start_column;
  Objective objective = Objective::kKPlus;
  // Of kKPlus: the powers 2 … moments of each column are equalised, so that 3 adds skewness and 4
  // kurtosis; 1 … 10.
  std::size_t moments = 2;
  // Of kKPlus: the products of each two columns are equalised, and so are their correlations.
  bool correlations = false;
  Method method = Method::kSearch;
  // Independent runs from different starts; the best is kept. At least 1; absent: until runs that do
  // the work of `patience` usual ones have found nothing better. Then the first runs are short, and
  // later ones longer, up to sixteen usual ones.
  std::optional<std::size_t> restarts;
  std::size_t patience = 100;
  // Wall-clock time for the whole call, after which the best so far is returned; zero: no limit.
  // Where the machine gives little CPU time, the search gets a floor of it first: half the budget,
  // at most half a second.
  Duration budget = Duration::zero();
  // The same seed, table and options give the same answer on any machine and any number of threads,
  // unless the budget or a cancel cut the search.
  std::uint64_t seed = 1;
  // A randomised design: of so many different good answers one is drawn by the seed, and where
  // groups of equal size may change their names, their names are drawn too; 0: the best answer. A
  // good answer loses at most `tolerance` of what the best one gains over a random split.
  std::size_t designs = 0;
  double tolerance = 0.05;
  // Threads that search; 0: one for each CPU the process may use.
  std::size_t threads = 0;
};

// A group and how many rows it gets.
struct NamedSize {
  std::string name;
  std::uint32_t size = 0;
};

// The groups' names and sizes for a table of that many rows. Fails with kInvalidArgument.
Result<std::vector<NamedSize>> resolve_groups(const Groups& groups, std::size_t rows);

}  // namespace saola::split
