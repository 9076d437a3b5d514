#include "panel/geo.hpp"

#include <algorithm>
#include <cmath>

#include "test_support.hpp"

namespace saola::split {
namespace {

// Four markets, six days: four of them the pre-period, two the hold-out. The numbers expected below
// were computed from the definitions in <saola/split/panel.hpp> by a program in Python.
Panel small_panel() {
  const auto table = table_of(
      "geo,day,sales\n"
      "a,1,10\na,2,12\na,3,11\na,4,13\na,5,12\na,6,14\n"
      "b,1,20\nb,2,22\nb,3,23\nb,4,21\nb,5,24\nb,6,26\n"
      "c,1,5\nc,2,6\nc,3,5\nc,4,7\nc,5,6\nc,6,8\n"
      "d,1,30\nd,2,33\nd,3,31\nd,4,35\nd,5,34\nd,6,33\n");
  auto panel = make_panel(
      table,
      {.unit = "geo", .time = "day", .value = "sales", .holdout = std::size_t{2}, .control = {}},
      {});
  EXPECT_TRUE(panel.has_value()) << panel.error().message();
  return *std::move(panel);
}

const std::vector<std::uint32_t> kUnits = {0, 1, 2, 3};
const std::vector<NamedSize> kGroups = {{"test", 2}, {"control", 2}};
const Assignments kAll = {{0, 0, 1, 1}, {0, 1, 0, 1}, {0, 1, 1, 0},
                          {1, 0, 0, 1}, {1, 0, 1, 0}, {1, 1, 0, 0}};

TEST(GeoTest, NumbersOfASmallPanelAreThoseOfTheDefinitions) {
  const auto panel = small_panel();
  const auto report = measure_geo_tests(panel, {kUnits, kGroups, kAll[0], kAll[1], kAll, kAll}, 1,
                                        [](double) { return true; });
  ASSERT_EQ(report.tests.size(), 1u);
  const auto& test = report.tests[0];
  EXPECT_EQ(test.group, 0u);
  EXPECT_EQ(test.observed, (std::vector<double>{30, 34, 34, 34, 36, 40}));
  EXPECT_NEAR(test.intercept, 17.8, 1e-12);
  EXPECT_NEAR(test.slope, 0.4, 1e-12);
  EXPECT_NEAR(test.expected[4], 33.8, 1e-12);
  EXPECT_NEAR(*test.correlation_pre, 0.6324555320336759, 1e-12);
  EXPECT_FALSE(test.correlation_holdout.has_value()) << "two points say nothing";
  EXPECT_NEAR(test.gap_pre, 0.036363636363636355, 1e-12);
  EXPECT_NEAR(test.gap_holdout, 0.10526315789473689, 1e-12);
  EXPECT_NEAR(*test.durbin_watson, 1.8, 1e-12);
  EXPECT_NEAR(*test.lift, 0.11764705882352944, 1e-12);
  EXPECT_NEAR(*test.lift_p, 3.0 / 7, 1e-12);
  EXPECT_NEAR(report.volume_shares[0], 0.4647887323943662, 1e-12);
  EXPECT_NEAR(report.volume_shares[1], 1 - 0.4647887323943662, 1e-12);
  ASSERT_TRUE(test.placebo.has_value());
  EXPECT_EQ(test.placebo->count, 6u);
  EXPECT_NEAR(test.placebo->mean, 0.016099424422965174, 1e-12);
  EXPECT_NEAR(test.placebo->sd, 0.09739813054480854, 1e-12);
  EXPECT_NEAR(test.placebo->critical, 0.13912095895386845, 1e-12);
  EXPECT_NEAR(test.placebo->mde, 0.20943706753126778, 1e-12);
  EXPECT_NEAR(test.random->mde, test.placebo->mde, 1e-15) << "the same splits were given";
  EXPECT_NEAR(test.mde_volume, 14.24172059212621, 1e-9);
  const auto power = [&](double lift) {
    return std::find_if(test.power.begin(), test.power.end(),
                        [&](const PowerPoint& point) { return point.lift == lift; })
        ->power;
  };
  EXPECT_NEAR(power(0.1), 2.0 / 6, 1e-12);
  EXPECT_NEAR(power(0.2), 4.0 / 6, 1e-12);
  ASSERT_EQ(test.mde_by_duration.size(), 2u);
  EXPECT_EQ(test.mde_by_duration[0].first, 1u);
  EXPECT_NEAR(test.mde_by_duration[1].second, test.placebo->mde, 1e-15);
}

TEST(GeoTest, TheDetectableEffectIsTheSmallestLiftWithEnoughPower) {
  std::vector<double> lifts;
  Random random(5);
  for (int i = 0; i < 1000; ++i) lifts.push_back(random.below(2001) / 1e4 - 0.1);
  const auto test = judge_placebos(lifts);
  EXPECT_GE(power_at(test.mde + 1e-9, test.critical, lifts), 0.8);
  EXPECT_LT(power_at(test.mde - 1e-9, test.critical, lifts), 0.8);
  const auto outside = std::count_if(lifts.begin(), lifts.end(),
                                     [&](double lift) { return std::abs(lift) > test.critical; });
  EXPECT_LE(outside, 50);
  EXPECT_GT(outside, 40);
}

TEST(GeoTest, WithoutSomethingExpectedThereIsNoPower) {
  const auto table =
      table_of("geo,day,sales\na,1,1\na,2,-2\na,3,1\na,4,-3\nb,1,2\nb,2,-1\nb,3,-1\nb,4,-1\n");
  const auto panel = make_panel(table, {.unit = "geo", .time = "day", .value = "sales"}, {});
  ASSERT_TRUE(panel.has_value()) << panel.error().message();
  Observer observer;
  const auto outcome = split(*panel, observer, real_clock());
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  EXPECT_FALSE(outcome->panel->tests[0].placebo.has_value());
  EXPECT_THAT(outcome->warnings, testing::Contains(testing::HasSubstr("could not be judged")));
}

TEST(GeoTest, TheControlIsNamedOrTheLargest) {
  const std::vector<NamedSize> named = {{"a", 9}, {"Control", 2}, {"b", 9}};
  EXPECT_EQ(*find_control(std::nullopt, named), 1u);
  EXPECT_EQ(*find_control("a", named), 0u);
  const std::vector<NamedSize> sized = {{"1", 5}, {"2", 7}, {"3", 7}};
  EXPECT_EQ(*find_control(std::nullopt, sized), 2u);
  EXPECT_EQ(find_control("x", sized).error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace saola::split
