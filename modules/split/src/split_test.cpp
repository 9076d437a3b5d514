#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>

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
    EXPECT_LT(column.smd_after, 0.01) << column.column;
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

// The largest difference between two groups, in sds of the column, of the mean of f(x, y).
template <typename F>
double gap_of(const Table& table, const Outcome& outcome, F&& f) {
  const auto& x = table.columns()[1].values;
  const auto& y = table.columns()[2].values;
  double sums[2] = {0, 0};
  for (std::size_t r = 0; r < x.size(); ++r) sums[outcome.group_of_row[r]] += f(x[r], y[r]);
  return std::abs(sums[0] - sums[1]) / static_cast<double>(x.size());
}

TEST(Split, MomentsAndCorrelationsBalanceWhatTheyName) {
  std::string csv = "id,x,y\n";
  Random random(3);
  const auto uniform = [&] { return random.below(1'000'001) / 1e6; };
  for (int i = 0; i < 60; ++i) {
    const double x = uniform();
    csv += fmt::format("{},{},{}\n", i, -std::log(x + 1e-3), (i % 2 == 0 ? x : -x) + uniform());
  }
  const auto table = table_of(csv);
  const auto cube = [](double x, double) { return x * x * x; };
  const auto product = [](double x, double y) { return x * y; };
  const auto plain = split_quietly(table, {});
  const auto third = split_quietly(table, {.moments = 3});
  const auto crossed = split_quietly(table, {.correlations = true});
  EXPECT_LT(gap_of(table, *third, cube), gap_of(table, *plain, cube) / 3);
  EXPECT_LT(gap_of(table, *crossed, product), gap_of(table, *plain, product) / 3);
  EXPECT_THAT(split_error(table, {.objective = Objective::kVariance, .moments = 3}),
              HasSubstr("belong to the objective 'kplus'"));
  EXPECT_THAT(split_error(table, {.moments = 11}), HasSubstr("within 1 and 10"));
}

// Cancels when it was asked so often.
struct CancelAtPoll : Observer {
  int polls = 0;
  bool keep = false;
  bool cancelled() override { return polls-- <= 0; }
  bool keeps_cancelled() const override { return keep; }
};

TEST(Split, WhoThrowsACancelledAnswerAwayGetsNone) {
  const auto table = example("us_states.csv");
  for (const int polls : {0, 3, 12, 40}) {
    CancelAtPoll observer;
    observer.polls = polls;
    const auto outcome = split(table, states_options(), observer, real_clock());
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
    EXPECT_EQ(outcome->stopped_by, StoppedBy::kCancel) << polls;
    EXPECT_TRUE(outcome->columns.empty()) << "nothing is measured";
    observer.polls = polls;
    observer.keep = true;
    const auto kept = split(table, states_options(), observer, real_clock());
    EXPECT_EQ(kept->columns.size(), 2u);
    EXPECT_EQ(sizes_of(*kept), (std::vector<std::uint32_t>{25, 25}));
  }
}

TEST(Split, AssignmentKeepsTheInputsOrderAndSpelling) {
  const auto table = table_of("\"k, y\",x\n007,1\n\"a,\"\"b\",2\nc,3\n1.0,4\n");
  Options options;
  options.groups = NamedGroups{{"A, 1", "B"}};
  const auto outcome = split_quietly(table, options);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  const auto assigned = table_of(assignment_csv(table, *outcome));
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

TEST(Split, InputThatCannotBeSplitIsNamed) {
  const auto table = example("us_states.csv");
  const auto error = [&](auto change) {
    auto options = states_options();
    change(options);
    return split_error(table, options);
  };
  EXPECT_THAT(error([](Options& o) { o.columns = {"region"}, o.strata = {}; }),
              HasSubstr("column 'region' is not numeric: row 1 (line 2) holds 'South'"));
  EXPECT_THAT(
      error([](Options& o) { o.columns = {"Income_USD"}; }),
      HasSubstr("columns: the table has no column 'Income_USD'; did you mean 'income_usd'?"));
  EXPECT_THAT(error([](Options& o) { o.columns = {"income_usd", "income_usd"}; }),
              HasSubstr("'income_usd' is named twice"));
  EXPECT_THAT(error([](Options& o) { o.columns = {"state"}; }), HasSubstr("is the id column"));
  EXPECT_THAT(error([](Options& o) { o.strata = {"regoin"}; }),
              HasSubstr("strata: the table has no column 'regoin'; did you mean 'region'?"));
  EXPECT_THAT(error([](Options& o) { o.strata = {"region", "region"}; }), HasSubstr("named twice"));
  EXPECT_THAT(error([](Options& o) { o.strata = {"state"}; }), HasSubstr("different in every row"));
  EXPECT_THAT(error([](Options& o) { o.id_column = "nothing_like_it"; }),
              HasSubstr("id_column: the table has no column 'nothing_like_it'. It has 'state', "));
  EXPECT_THAT(error([](Options& o) { o.id_column = "region", o.strata = {}; }),
              HasSubstr("id column 'region': row 2 (line 3) and row 3 (line 4) both have 'West'"));
  EXPECT_THAT(error([](Options& o) { o.groups = EqualGroups{51}; }),
              HasSubstr("51 groups asked for, but the table has 50 rows"));
  EXPECT_THAT(error([](Options& o) { o.restarts = 0; }), HasSubstr("restarts"));
  EXPECT_THAT(error([](Options& o) { o.budget = Duration(-1); }), HasSubstr("budget_seconds"));
}

TEST(Split, TablesThatCannotBeSplitAreNamed) {
  const auto error = [](std::string bytes, Options options = {}) {
    return split_error(table_of(std::move(bytes)), options);
  };
  EXPECT_THAT(error("id,x\na,1\n"), HasSubstr("the table has one row"));
  EXPECT_THAT(error("id,x\na,1\nb,NA\nc,\n"),
              HasSubstr("column 'x' has 2 missing values, the first in row 2 (line 3) ('NA')"));
  EXPECT_THAT(error("id,x\na,1\nb,inf\n"),
              HasSubstr("column 'x' has a number that is not finite: row 2 (line 3) holds 'inf'"));
  EXPECT_THAT(error("id,x\na,5\nb,5\n"), HasSubstr("column 'x' is constant"));
  EXPECT_THAT(error("id,x,y\na,5,1\nb,5,1\n"), HasSubstr("all 2 columns are constant"));
  EXPECT_THAT(error("id,x\na,p\nb,q\n"), HasSubstr("no numeric column"));
  EXPECT_THAT(error("id,x\na,1\n,2\n"), HasSubstr("id column 'id': row 2 (line 3) is empty"));
  EXPECT_THAT(error("id,x\na,1\nb,2\na,3\n"),
              HasSubstr("id column 'id': row 1 (line 2) and row 3 (line 4) both have 'a'"));
  EXPECT_THAT(error("id,x,s\na,1,u\nb,2,\n", {.strata = {"s"}}),
              HasSubstr("column 's' has 1 missing value, the first in row 2 (line 3)"));
}

TEST(Split, WarnsOfWhatItLeavesOut) {
  const auto table = table_of("id,x,c,none,s\na,1,5,,p\nb,2,5,,p\nc,3,5,,q\nd,9,5,,p\n");
  const auto outcome = split_quietly(table, {.strata = {"s"}});
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  ASSERT_EQ(outcome->warnings.size(), 3u);
  EXPECT_THAT(outcome->warnings[0], HasSubstr("'none' was left out: it has no values"));
  EXPECT_THAT(outcome->warnings[1], HasSubstr("column 'c' is '5' in every row"));
  EXPECT_THAT(outcome->warnings[2], HasSubstr("1 of 2 strata have fewer rows"));
  ASSERT_EQ(outcome->accounts.size(), 5u);
  EXPECT_EQ(outcome->accounts[0].role, Role::kId);
  EXPECT_EQ(outcome->accounts[2].note, "the same in every row");
  EXPECT_EQ(outcome->accounts[3].note, "no values");
  EXPECT_EQ(outcome->accounts[4].role, Role::kStratum);
  ASSERT_EQ(outcome->columns.size(), 2u);
  EXPECT_TRUE(outcome->columns[1].constant);
  EXPECT_EQ(outcome->columns[1].smd_after, 0);
}

TEST(Split, SeveralStrataColumnsAreCombined) {
  const auto table = example("us_states.csv");
  auto options = states_options();
  options.strata = {"region", "division"};
  const auto outcome = split_quietly(table, options);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  ASSERT_EQ(outcome->strata.size(), 2u);
  EXPECT_EQ(outcome->strata[1].levels_total, 9u);
  for (const auto& level : outcome->strata[1].levels) {
    EXPECT_LE(
        std::abs(static_cast<int>(level.group_counts[0]) - static_cast<int>(level.group_counts[1])),
        1);
  }
}

TEST(Split, ReportsTheBalanceThatIs) {
  const auto table = table_of("id,x\na,1\nb,2\nc,3\nd,10\n");
  const auto outcome =
      split_quietly(table, {.groups = NamedGroups{{"p", "q"}}, .objective = Objective::kVariance});
  ASSERT_TRUE(outcome.has_value());
  const auto& x = outcome->columns.at(0);
  EXPECT_EQ(x.mean, 4);
  EXPECT_NEAR(x.sd, std::sqrt(50.0 / 3), 1e-12);
  // The best split pairs 1 with 10 against 2 and 3: means 5.5 and 2.5.
  EXPECT_EQ(outcome->group_of_row[0], outcome->group_of_row[3]);
  const auto with_a = outcome->group_of_row[0];
  EXPECT_EQ(x.group_means[with_a], 5.5);
  EXPECT_EQ(x.group_means[1 - with_a], 2.5);
  EXPECT_NEAR(x.smd_after, 3 / x.sd, 1e-12);
  EXPECT_NEAR(x.group_sds[with_a], 9 / std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(*outcome->objective_after, 2 * 1.5 * 1.5 * 2 / (x.sd * x.sd), 1e-12);
}

TEST(Split, ReportIsJsonWithoutNonNumbers) {
  const auto table =
      table_of("id,\"x \"\"1\"\"\",s\na,1e308,\"u\nv\"\nb,-1e308,w\nc,3,w\nd,1e-300,w\n");
  const auto outcome = split_quietly(table, {.groups = EqualGroups{4}, .strata = {"s"}});
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  const auto json = report_json(*outcome);
  EXPECT_THAT(json, HasSubstr("{\"format\":\"saola.split.balance/1\",\"objective\":\"kplus\","));
  EXPECT_THAT(json, HasSubstr("\"column\":\"x \\\"1\\\"\""));
  EXPECT_THAT(json, HasSubstr("\"level\":\"u\\nv\""));
  EXPECT_THAT(json, HasSubstr("\"groups\":[{\"group\":\"1\",\"size\":1},"));
  for (const auto bad : {"nan", "inf", ",]", ",}", "[,", "{,"}) {
    EXPECT_THAT(json, testing::Not(HasSubstr(bad)));
  }
  EXPECT_EQ(std::count(json.begin(), json.end(), '{'), std::count(json.begin(), json.end(), '}'));
  EXPECT_EQ(std::count(json.begin(), json.end(), '['), std::count(json.begin(), json.end(), ']'));
}

TEST(Split, ThePageNeedsNothingElseAndEscapesWhatItShows) {
  const auto table = table_of("id,<x>,s\na,1,\"<script>&\"\nb,2,w\nc,3,w\nd,9,w\n");
  const auto outcome = split_quietly(table, {.strata = {"s"}});
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  const auto page = report_html(*outcome, "a<b>.csv");
  EXPECT_THAT(page, testing::StartsWith("<!doctype html>"));
  EXPECT_THAT(page, HasSubstr("Split of a&lt;b&gt;.csv"));
  EXPECT_THAT(page, HasSubstr("&lt;x&gt;"));
  EXPECT_THAT(page, HasSubstr("s = &lt;script&gt;&amp;"));
  EXPECT_THAT(page, HasSubstr("1 of 2 strata have fewer rows"));
  for (const char* never : {"<script", "http://", "https://", "src=", "nan", "inf "}) {
    EXPECT_THAT(page, testing::Not(HasSubstr(never))) << never;
  }
}

TEST(Split, KolmogorovSmirnovAndVarianceRatioAreTheirDefinitions) {
  const auto table = table_of("id,x,g\na,1,p\nb,2,q\nc,3,p\nd,10,q\n");
  const Options options{.groups = NamedGroups{{"p", "q"}},
                        .constraints = {.fixed = {{"a", "p"}, {"b", "q"}, {"c", "p"}, {"d", "q"}}}};
  const auto outcome = split_quietly(table, options);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  // p has 1 and 3, q has 2 and 10: at 1 the shares are 1/2 and 0, at 3 they are 1 and 1/2.
  EXPECT_EQ(outcome->columns[0].ks_after, 0.5);
  EXPECT_NEAR(*outcome->columns[0].variance_ratio_after, 32.0 / 2, 1e-12);
}

Table large_table() {
  const auto values = some_values(60'000 * 4, 1);
  std::string bytes = "id,a,b,c,d\n";
  for (std::size_t r = 0; r < 60'000; ++r) {
    bytes += fmt::format("{},{},{},{},{}\n", r, values[4 * r], values[4 * r + 1], values[4 * r + 2],
                         values[4 * r + 3]);
  }
  return table_of(std::move(bytes));
}

class CancelAfter : public Observer {
 public:
  explicit CancelAfter(Duration wait) : wait_(wait) {}
  bool cancelled() override {
    const auto now = std::chrono::steady_clock::now();
    longest_gap = std::max<Duration>(longest_gap, now - last_);
    last_ = now;
    const bool yes = now - start_ >= wait_;
    if (yes && !cancelled_at) cancelled_at = now;
    return yes;
  }
  std::optional<SteadyTime> cancelled_at;
  Duration longest_gap{};

 private:
  Duration wait_;
  SteadyTime start_ = std::chrono::steady_clock::now();
  SteadyTime last_ = start_;
};

TEST(Split, CancelEndsItSoonWithTheBestSoFar) {
  using std::chrono::milliseconds;
  const auto table = large_table();
  for (const auto objective : {Objective::kDiversity, Objective::kKPlus}) {
    CancelAfter observer(milliseconds(300));
    const auto outcome =
        split(table, {.objective = objective, .restarts = 1000}, observer, real_clock());
    const auto end = std::chrono::steady_clock::now();
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
    EXPECT_EQ(outcome->stopped_by, StoppedBy::kCancel);
    ASSERT_TRUE(observer.cancelled_at.has_value());
    // What is left is the balance report. Sanitizers and busy machines are slower: the bound is
    // wide here, split_bench measures it.
    EXPECT_LT(end - *observer.cancelled_at, milliseconds(500));
    EXPECT_EQ(sizes_of(*outcome), (std::vector<std::uint32_t>{30'000, 30'000}));
  }
}

TEST(Split, TheBudgetEndsItOnTime) {
  const auto table = example("breast_cancer.csv");
  // The clock moves a millisecond at each look, so the budget is used up by looks, not by time.
  const SteppingClock clock(std::chrono::milliseconds(1));
  Observer observer;
  const auto outcome = split(table,
                             {.method = Method::kExchange,
                              .restarts = 1'000'000,
                              .budget = std::chrono::milliseconds(200)},
                             observer, clock);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  EXPECT_EQ(outcome->stopped_by, StoppedBy::kBudget);
  EXPECT_LE(outcome->seconds, 0.210);
  EXPECT_GE(outcome->seconds, 0.190);
  EXPECT_GT(outcome->restarts_done, 0u);
}

TEST(Split, ABudgetThatIsNotHitChangesNothing) {
  const auto table = example("us_states.csv");
  auto options = states_options();
  const auto free = split_quietly(table, options);
  options.budget = std::chrono::hours(1);
  const auto limited = split_quietly(table, options);
  ASSERT_TRUE(free.has_value() && limited.has_value());
  EXPECT_EQ(limited->stopped_by, StoppedBy::kDone);
  EXPECT_EQ(free->group_of_row, limited->group_of_row);
  EXPECT_EQ(free->objective_after, limited->objective_after);
}

TEST(Split, DiversityCutBeforeItsFirstSumsStillAnswers) {
  const auto table = large_table();
  const SteppingClock clock(std::chrono::milliseconds(1));
  Observer observer;
  const auto outcome =
      split(table, {.objective = Objective::kDiversity, .budget = std::chrono::milliseconds(300)},
            observer, clock);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  EXPECT_EQ(outcome->stopped_by, StoppedBy::kBudget);
  EXPECT_FALSE(outcome->objective_after.has_value());
  ASSERT_EQ(outcome->warnings.size(), 1u);
  EXPECT_THAT(outcome->warnings[0], HasSubstr("matched start"));
  EXPECT_THAT(report_json(*outcome), HasSubstr("\"objective_after\":null"));
  // Even so the matched start balances better than chance.
  EXPECT_LT(outcome->columns[0].smd_after, 0.01);
}

TEST(Split, ProgressNeverFallsAndEndsAtOne) {
  class Recorder : public Observer {
   public:
    void progress(double fraction, std::string_view message) override {
      EXPECT_GE(fraction, last);
      EXPECT_LE(fraction, 1);
      EXPECT_FALSE(message.empty());
      last = fraction;
      ++calls;
    }
    double last = 0;
    int calls = 0;
  } recorder;
  const auto outcome = split(example("breast_cancer.csv"),
                             {.groups = EqualGroups{3}, .restarts = 3}, recorder, real_clock());
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(recorder.last, 1);
  EXPECT_GT(recorder.calls, 5);
  EXPECT_LE(recorder.calls, 205);
}

// Counts how often it is asked whether it was cancelled, by what was going on.
class Questions : public Observer {
 public:
  bool cancelled() override {
    ++asked[phase];
    return false;
  }
  bool keeps_cancelled() const override { return false; }
  void progress(double /*fraction*/, std::string_view message) override { phase = message; }
  std::string phase;
  std::map<std::string, int> asked;
};

// At a million rows checking the ids and looking for suspicious rows took a second each, in which a
// cancel was not seen; and nobody asked while the balance was measured once the budget was over.
TEST(Split, AsksOftenWhetherItWasCancelled) {
  constexpr std::size_t kRows = 60'000;
  Random random(3);
  std::string text = "id,a,b,c,d,e,f\n";
  for (std::size_t r = 0; r < kRows; ++r) {
    text +=
        fmt::format("unit {},{},{},{},{},{},{}\n", r, random.below(1000), random.below(1000),
                    random.below(1000), random.below(1000), random.below(1000), random.below(1000));
  }
  const auto table = table_of(std::move(text));
  Questions questions;
  // Each look at it is a second later, so that nothing is too quick to be told.
  const SteppingClock clock(std::chrono::seconds(1));
  const auto outcome = split(table,
                             {.method = Method::kExchange,
                              .restarts = 1000,
                              .budget = std::chrono::seconds(20),
                              .threads = 1},
                             questions, clock);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->stopped_by, StoppedBy::kBudget);
  // Once before each step would be 11 times.
  EXPECT_GE(questions.asked["looking at the columns"], 20);
  EXPECT_GE(questions.asked["measuring the balance"], 5);
}

}  // namespace
}  // namespace saola::split
