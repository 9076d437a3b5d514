#include <chrono>
#include <map>
#include <set>

#include <saola/split/split.hpp>

#include "test_support.hpp"

namespace saola::split {
namespace {

using testing::HasSubstr;

Options states_options() {
  Options options;
  options.id_column = "state";
  options.groups = WeightedGroups{{{"test", 0.5}, {"control", 0.5}}};
  options.columns = {"population_thousands", "income_usd"};
  options.strata = {"region"};
  options.seed = 1;
  return options;
}

std::vector<std::uint32_t> sizes_of(const Outcome& outcome) {
  std::vector<std::uint32_t> sizes(outcome.groups.size());
  for (const auto g : outcome.group_of_row) ++sizes.at(g);
  return sizes;
}

TEST(Split, StatesIntoTestAndControl) {
  const auto table = example("us_states.csv");
  const auto outcome = split_quietly(table, states_options());
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  EXPECT_EQ(sizes_of(*outcome), (std::vector<std::uint32_t>{25, 25}));
  EXPECT_EQ(outcome->groups[0].name, "test");
  EXPECT_EQ(outcome->stopped_by, StoppedBy::kDone);
  EXPECT_LT(*outcome->objective_after, *outcome->objective_before);
  ASSERT_EQ(outcome->columns.size(), 2u);
  for (const auto& column : outcome->columns) {
    EXPECT_LT(column.smd_after, 0.02) << column.column;
    EXPECT_LT(column.smd_after, column.smd_before) << column.column;
  }
  // Four regions of 9, 12, 16 and 13 states: no count is one or more off the proportional one.
  ASSERT_EQ(outcome->strata.size(), 1u);
  ASSERT_EQ(outcome->strata[0].levels.size(), 4u);
  for (const auto& level : outcome->strata[0].levels) {
    EXPECT_LE(level.count % 2, 1u);
    EXPECT_LE(std::max(level.group_counts[0], level.group_counts[1]) -
                  std::min(level.group_counts[0], level.group_counts[1]),
              level.count % 2);
  }
}

TEST(Split, AssignmentKeepsTheInputsOrderAndSpelling) {
  const auto table = read_table("\"k, y\",x\n007,1\n\"a,\"\"b\",2\nc,3\n1.0,4\n");
  Options options;
  options.groups = NamedGroups{{"A, 1", "B"}};
  const auto outcome = split_quietly(table, options);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  const auto assigned = read_table(assignment_csv(table, *outcome));
  EXPECT_EQ(assigned.columns()[0].name, "k, y");
  EXPECT_EQ(assigned.columns()[1].name, "group");
  EXPECT_EQ(assigned.text(0), table.text(0));
  for (std::size_t r = 0; r < 4; ++r) {
    EXPECT_EQ(assigned.cell(r, 1), outcome->groups[outcome->group_of_row[r]].name);
  }
}

TEST(Split, DefaultsTakeTheFirstColumnAsIdAndAllNumericOnes) {
  const auto table = example("us_states.csv");
  const auto outcome = split_quietly(table, {});
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  EXPECT_EQ(outcome->id_column, 0u);
  EXPECT_EQ(outcome->columns.size(), 8u);
  EXPECT_EQ(outcome->groups[1].name, "2");
  EXPECT_TRUE(outcome->warnings.empty());
}

}  // namespace
}  // namespace saola::split
