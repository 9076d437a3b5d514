#include <cmath>

#include "test_support.hpp"

namespace saola::split {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

const PanelOptions kSales{.unit = "geo", .time = "date", .value = "sales"};

// Markets of different sizes with a common season, noise of their own, a region that never changes
// and a spend that does.
std::string markets_csv(std::size_t units, std::size_t days) {
  Random random(7);
  const auto noise = [&] { return random.below(2001) / 1000.0 - 1; };
  std::string csv = "date,geo,region,sales,spend\n";
  std::vector<double> size;
  std::vector<double> season;
  for (std::size_t u = 0; u < units; ++u) size.push_back(100 * std::exp(1.2 * noise()));
  for (std::size_t d = 0; d < days; ++d) {
    for (std::size_t u = 0; u < units; ++u) {
      const double swing = 1 + 0.3 * std::sin(static_cast<double>(d) * (u % 3 == 0 ? 0.3 : 0.8));
      csv += fmt::format("2024-{:02}-{:02},g{},r{},{:.4f},{}\n", 1 + d / 28, 1 + d % 28, u, u % 4,
                         size[u] * swing * (1 + 0.05 * noise()), d % 7 + u);
    }
  }
  return csv;
}

Result<Outcome> split_panel(const Panel& panel) {
  Observer observer;
  return split(panel, observer, real_clock());
}

std::string panel_error(const std::string& csv, const PanelOptions& panel,
                        const Options& options = {}) {
  const auto made = make_panel(table_of(csv), panel, options);
  EXPECT_FALSE(made.has_value());
  return made ? "" : made.error().message();
}

TEST(Panel, BecomesOneRowAUnit) {
  const auto table = table_of(markets_csv(8, 10));
  auto asked = kSales;
  asked.holdout = std::size_t{3};
  asked.lags = 2;
  Options options;
  options.columns = {"spend"};
  options.strata = {"region"};
  const auto panel = make_panel(table, asked, options);
  ASSERT_TRUE(panel.has_value()) << panel.error().message();
  EXPECT_EQ(panel->units.names(),
            "'geo', 'region', 'spend', 'sales', 'sales lag 1', 'sales lag 2'");
  EXPECT_EQ(panel->units.rows(), 8u);
  EXPECT_EQ(panel->pre.size(), 7u);
  EXPECT_EQ(panel->times[panel->holdout.begin], "2024-01-08");
  EXPECT_EQ(*panel->asked.duration, 3u);
  // Row 6 × 8 + 2 is the last of g2's pre-period.
  const auto& units = panel->units.columns();
  EXPECT_EQ(units[4].values[2], table.columns()[3].values[6 * 8 + 2]);
  EXPECT_EQ(units[5].values[2], table.columns()[3].values[5 * 8 + 2]);
  double mean = 0;
  for (std::size_t d = 0; d < 7; ++d) mean += table.columns()[3].values[d * 8 + 2] / 7;
  EXPECT_NEAR(units[3].values[2], mean, 1e-9);
  EXPECT_EQ(units[2].values[2], 3 + 2);
  EXPECT_THAT(panel->options.columns,
              testing::ElementsAre("spend", "sales", "sales lag 1", "sales lag 2"));
}

TEST(Panel, EveryColumnIsAccountedFor) {
  const auto panel = make_panel(table_of(markets_csv(8, 10)), kSales, {});
  ASSERT_TRUE(panel.has_value()) << panel.error().message();
  const auto found = preview(*panel);
  ASSERT_TRUE(found.has_value()) << found.error().message();
  std::vector<std::string> said;
  for (const auto& account : found->accounts) {
    said.push_back(fmt::format("{}: {} {}", account.column, to_string(account.role), account.note));
  }
  EXPECT_THAT(said, Contains("geo: id "));
  EXPECT_THAT(said, Contains("sales: balanced "));
  EXPECT_THAT(said, Contains("date: left_out the panel's time: pre-period 2024-01-01 to 2024-01-08 "
                             "(8 times), hold-out 2024-01-09 to 2024-01-10 (2 times)"));
  EXPECT_THAT(said, Contains(HasSubstr("spend: left_out changes within units")));
  EXPECT_THAT(said, Contains(HasSubstr("region: left_out text with 4 different values")));
}

TEST(Panel, ASplitFromThePrePeriodDetectsLessThanARandomOne) {
  Options options;
  options.groups = NamedGroups{{"test", "control"}};
  options.patience = 5;
  auto asked = kSales;
  asked.holdout = std::size_t{14};
  const auto panel = make_panel(table_of(markets_csv(40, 56)), asked, options);
  ASSERT_TRUE(panel.has_value()) << panel.error().message();
  const auto outcome = split_panel(*panel);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  ASSERT_TRUE(outcome->panel.has_value());
  const auto& test = outcome->panel->tests.at(0);
  EXPECT_EQ(outcome->panel->control, 1u);
  ASSERT_TRUE(test.placebo && test.random);
  EXPECT_EQ(test.placebo->count, 1000u);
  EXPECT_LT(test.placebo->mde, 0.7 * test.random->mde);
  EXPECT_GT(*test.correlation_pre, 0.98);
  EXPECT_GT(*test.correlation_pre, *test.correlation_random);
  EXPECT_LT(std::abs(*test.lift), 2 * test.placebo->critical);
  EXPECT_NEAR(outcome->panel->volume_shares[0] + outcome->panel->volume_shares[1], 1, 1e-12);
  const auto again = split_panel(*panel);
  EXPECT_EQ(again->group_of_row, outcome->group_of_row);
  EXPECT_EQ(again->panel->tests[0].placebo->mde, test.placebo->mde);
}

TEST(Panel, PlaceboSplitsKeepStrataAndConstraints) {
  Options options;
  options.groups = WeightedGroups{{{"test", 0.25}, {"control", 0.75}}};
  options.constraints.fixed = {{"g0", "test"}};
  options.patience = 2;
  auto asked = kSales;
  asked.placebos = 50;
  const auto panel = make_panel(table_of(markets_csv(16, 20)), asked, options);
  ASSERT_TRUE(panel.has_value()) << panel.error().message();
  const auto outcome = split_panel(*panel);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  EXPECT_EQ(outcome->group_of_row[0], 0u);
  EXPECT_EQ(outcome->panel->tests[0].placebo->count, 50u);
  EXPECT_EQ(outcome->panel->tests[0].random->count, 50u);
}

TEST(Panel, MissingValuesAreRefusedOrDealtWith) {
  auto csv = markets_csv(6, 10);
  const auto row = csv.find("2024-01-03,g4");
  csv.erase(row, csv.find('\n', row) + 1 - row);
  EXPECT_THAT(panel_error(csv, kSales),
              AllOf(HasSubstr("1 of 6 units"), HasSubstr("'g4' at '2024-01-03'")));
  Options options;
  options.missing = Missing::kDropRows;
  const auto dropped = make_panel(table_of(csv), kSales, options);
  ASSERT_TRUE(dropped.has_value()) << dropped.error().message();
  const auto outcome = split_panel(*dropped);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  EXPECT_EQ(outcome->rows_left_out, 1u);
  EXPECT_EQ(outcome->group_of_row[4], kNoGroup);
  options.missing = Missing::kMean;
  const auto filled = make_panel(table_of(csv), kSales, options);
  ASSERT_TRUE(filled.has_value()) << filled.error().message();
  double mean = 0;
  for (const std::size_t t : {0, 1, 3, 4, 5, 6, 7}) mean += filled->values[4 * 10 + t] / 7;
  EXPECT_NEAR(filled->values[4 * 10 + 2], mean, 1e-9);
}

TEST(Panel, WhatCannotBeUnderstoodIsNamed) {
  const auto csv = markets_csv(6, 10);
  EXPECT_THAT(panel_error(csv, {.unit = "gep", .time = "date", .value = "sales"}),
              HasSubstr("panel.unit: the table has no column 'gep'; did you mean 'geo'?"));
  EXPECT_THAT(panel_error(csv + "2024-01-03,g4,r0,5,5\n", kSales),
              AllOf(HasSubstr("'g4' has '2024-01-03' twice"), HasSubstr("row 61")));
  EXPECT_THAT(panel_error(csv, {.unit = "geo", .time = "date", .value = "region"}),
              HasSubstr("not numeric"));
  auto asked = kSales;
  asked.holdout = std::size_t{8};
  EXPECT_THAT(panel_error(csv, asked), HasSubstr("pre-period has 2 times; at least 3"));
  asked.holdout = std::size_t{2};
  asked.duration = 3;
  EXPECT_THAT(panel_error(csv, asked), HasSubstr("a test of 3 times"));
  asked.duration = {};
  asked.pre = std::pair<std::string, std::string>{"2024-01-01", "2024-01-09"};
  EXPECT_THAT(panel_error(csv, asked), HasSubstr("must be over before"));
  Options options;
  options.strata = {"spend"};
  EXPECT_THAT(panel_error(csv, kSales, options), HasSubstr("changes within a unit"));
  asked = kSales;
  asked.control = "contrl";
  const auto panel = make_panel(table_of(csv), asked, {});
  EXPECT_THAT(split_panel(*panel).error().message(), HasSubstr("no group 'contrl'"));
}

TEST(Panel, ATableWithRepeatedIdsAndDatesPointsAtPanels) {
  EXPECT_THAT(split_error(table_of(markets_csv(4, 5)), {.id_column = "geo"}), HasSubstr("'panel'"));
}

std::vector<std::string> times_of(std::string_view cells) {
  std::string csv = "geo,time,sales\n";
  for (std::size_t begin = 0; begin < cells.size();) {
    const auto end = std::min(cells.find('|', begin), cells.size());
    for (const char* geo : {"a", "b"}) {
      csv += fmt::format("{},{},{}\n", geo, cells.substr(begin, end - begin), begin);
    }
    begin = end + 1;
  }
  const auto panel =
      make_panel(table_of(csv), {.unit = "geo", .time = "time", .value = "sales"}, {});
  if (!panel) return {panel.error().message()};
  return panel->times;
}

TEST(Panel, TimesAreOrderedAsTheyAreWritten) {
  using testing::ElementsAre;
  EXPECT_THAT(times_of("10|9|2|100"), ElementsAre("2", "9", "10", "100"));
  EXPECT_THAT(times_of("2024-10-01|2024-9-01|2023-12-31|2024-02-01"),
              ElementsAre("2023-12-31", "2024-02-01", "2024-9-01", "2024-10-01"));
  EXPECT_THAT(times_of("13/01/2024|01/02/2024|02/01/2024|01/12/2023"),
              ElementsAre("01/12/2023", "02/01/2024", "13/01/2024", "01/02/2024"));
  EXPECT_THAT(times_of("01/13/2024|02/01/2024|01/02/2024|12/01/2023"),
              ElementsAre("12/01/2023", "01/02/2024", "01/13/2024", "02/01/2024"));
  EXPECT_THAT(times_of("1.2.2024|3.1.2024|2.2.2024|1.1.2024"),
              ElementsAre("1.1.2024", "3.1.2024", "1.2.2024", "2.2.2024"));
  EXPECT_THAT(times_of("2024-W10|2024-W02|2023-W52|2024-W01"),
              ElementsAre("2023-W52", "2024-W01", "2024-W02", "2024-W10"));
  EXPECT_THAT(times_of("2024-01-01 10:00|2024-01-01 9:30|2024-01-01T08:00|2024-01-01"),
              ElementsAre("2024-01-01", "2024-01-01T08:00", "2024-01-01 9:30", "2024-01-01 10:00"));
  EXPECT_THAT(times_of("01/02/2024|02/03/2024|03/04/2024|04/05/2024"),
              ElementsAre(HasSubstr("may mean two dates")));
  EXPECT_THAT(times_of("Jan 24|Feb 24|Mar 24|Apr 24"), ElementsAre(HasSubstr("is no date")));
}

TEST(Panel, PeriodsMayBeGivenByTheirEnds) {
  auto asked = kSales;
  asked.pre = std::pair<std::string, std::string>{"2024-01-02", "2024-01-06"};
  asked.holdout = std::pair<std::string, std::string>{"2024-01-08", "2025-01-01"};
  const auto panel = make_panel(table_of(markets_csv(6, 10)), asked, {});
  ASSERT_TRUE(panel.has_value()) << panel.error().message();
  EXPECT_EQ(panel->pre.begin, 1u);
  EXPECT_EQ(panel->pre.end, 6u);
  EXPECT_EQ(panel->holdout.begin, 7u);
  EXPECT_EQ(panel->holdout.end, 10u);
}

}  // namespace
}  // namespace saola::split
