#include <algorithm>
#include <set>

#include "test_support.hpp"

namespace saola::split {
namespace {

using testing::HasSubstr;

TEST(Designs, OneOfSeveralGoodOnesIsDrawnByTheSeed) {
  const auto table = example("us_states.csv");
  Options options{.groups = NamedGroups{{"test", "control"}}, .designs = 12, .tolerance = 0.3};
  std::set<std::vector<std::uint32_t>> drawn;
  int texas = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    options.seed = seed;
    const auto outcome = split_quietly(table, options);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
    ASSERT_TRUE(outcome->designs.has_value());
    const auto& set = *outcome->designs;
    EXPECT_GT(set.designs.size(), 1u);
    EXPECT_TRUE(set.names_drawn);
    for (const double p : set.probability) EXPECT_DOUBLE_EQ(p, 0.5);
    std::set<std::vector<std::uint32_t>> different(set.designs.begin(), set.designs.end());
    EXPECT_EQ(different.size(), set.designs.size());
    EXPECT_LE(*outcome->objective_after, set.worst_objective * (1 + 1e-9));
    EXPECT_LT(set.worst_objective, *outcome->objective_before);
    drawn.insert(outcome->group_of_row);
    texas += outcome->group_of_row[42] == 0 ? 1 : 0;
    const auto again = split_quietly(table, options);
    EXPECT_EQ(again->group_of_row, outcome->group_of_row);
  }
  EXPECT_GT(drawn.size(), 4u);
  EXPECT_GT(texas, 0);
  EXPECT_LT(texas, 8);
}

TEST(Designs, ProbabilitiesAreThoseOfTheSetWhereNamesMatter) {
  const auto table = example("us_states.csv");
  const Options options{
      .groups = WeightedGroups{{{"test", 0.2}, {"control", 0.8}}}, .designs = 6, .tolerance = 0.5};
  const auto outcome = split_quietly(table, options);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  const auto& set = *outcome->designs;
  EXPECT_FALSE(set.names_drawn);
  for (std::size_t row = 0; row < 50; ++row) {
    double in_test = 0;
    for (const auto& design : set.designs) in_test += design[row] == 0 ? 1 : 0;
    EXPECT_NEAR(set.probability[2 * row], in_test / static_cast<double>(set.designs.size()), 1e-12);
  }
  EXPECT_EQ(outcome->group_of_row, set.designs[set.drawn]);
  const auto csv = designs_csv(table, *outcome);
  EXPECT_THAT(csv, testing::StartsWith("state,group,p_test,p_control,design_1,design_2"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 51);
  EXPECT_THAT(report_json(*outcome), HasSubstr("\"designs\":{\"count\":"));
}

}  // namespace
}  // namespace saola::split
