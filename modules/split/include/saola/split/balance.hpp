// How alike the groups are: means, standard deviations and shares per column, before and after.
// What split() reports in Outcome::columns, strata and categories; docs/formats/balance-report.md
// has them as JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace saola::split {

// How a column's values are distributed in each group, in bins of equal width from `low` to `high`
// (the outermost hold what is beyond). For pictures.
struct ColumnShape {
  double low = 0;
  double high = 0;
  // groups × bins.
  std::vector<std::vector<std::uint32_t>> before;
  std::vector<std::vector<std::uint32_t>> after;
};

// A numeric column in the column's own units. "Before" is a random split with the same seed, sizes
// and strata, "after" is the answer.
//
//   for (const ColumnBalance& c : outcome.columns)
//     show(fmt::format("{}: {:.3f} → {:.3f}", c.column, c.smd_before, c.smd_after));
struct ColumnBalance {
  std::string column;
  double mean = 0;
  // With n - 1.
  double sd = 0;
  // Every value is the same: nothing to balance, smd is 0.
  bool constant = false;
  // Values that were missing and stood in for.
  std::size_t missing = 0;
  // Standardised mean difference: the largest difference between two groups' means, divided by the
  // sd of the whole column.
  double smd_before = 0;
  double smd_after = 0;
  // The largest difference between two groups' sds, divided by the sd of the whole column.
  double sd_gap_before = 0;
  double sd_gap_after = 0;
  // The largest group variance divided by the smallest; absent when one is 0.
  std::optional<double> variance_ratio_before;
  std::optional<double> variance_ratio_after;
  // Kolmogorov-Smirnov: the largest difference between two groups' cumulative shares at any value.
  // Absent for more than 50 groups.
  std::optional<double> ks_before;
  std::optional<double> ks_after;
  // For pictures; absent for more than 12 groups.
  std::optional<ColumnShape> shape;
  // After, one a group; the sd of a group of one row is 0.
  std::vector<double> group_means;
  std::vector<double> group_sds;
};

// One value of a categorical column.
struct LevelBalance {
  std::string level;
  // Rows with this level, in all and in each group (after).
  std::uint32_t count = 0;
  std::vector<std::uint32_t> group_counts;
  // The largest difference between two groups' shares of rows with this level, 0 … 1.
  double share_gap_before = 0;
  double share_gap_after = 0;
};

// A categorical column used as a stratum, or balanced by the objective: how evenly its values are
// spread.
struct CategoryBalance {
  std::string column;
  std::size_t levels_total = 0;
  // The levels with the largest share_gap_after, at most 100.
  std::vector<LevelBalance> levels;
  double share_gap_before = 0;
  double share_gap_after = 0;
};

// What became of a column of the table: it names the rows, is balanced by the objective, is a
// stratum, enters the objective by indicators, or takes no part.
enum class Role {
  kId,
  kBalanced,
  kStratum,
  kCategory,
  kDistance,
  kLeftOut,
};
// "id", "balanced", "stratum", "category", "distance", "left_out"
std::string_view to_string(Role role);

// What split() did with one column, and what is known of it.
struct ColumnAccount {
  std::string column;
  Role role = Role::kLeftOut;
  // Why it was left out, or what else there is to say: "numbers with decimal ','".
  std::string note;
  std::size_t missing = 0;
  // Of a column of text: different values, up to 1,000.
  std::size_t levels = 0;
};

}  // namespace saola::split
