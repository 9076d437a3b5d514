// Panels: one row for each unit and time ("sales of each market on each day"), for geo tests. A
// panel is brought to one row a unit, split like any table by how the units did in the pre-period,
// and judged in the hold-out period, which the search has not seen.
//
//   auto panel = make_panel(table, {.unit = "geo", .time = "date", .value = "sales"}, options);
//   if (panel) auto outcome = split(*panel, observer, real_clock());  // see outcome->panel
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/split/balance.hpp>
#include <saola/split/options.hpp>
#include <saola/split/table.hpp>

namespace saola::split {

// Which columns of a table make a panel, and which of its times are for what.
struct PanelOptions {
  // Columns of the table: the unit's id, the time (dates or numbers), and what is measured.
  std::string unit;
  std::string time;
  std::string value;
  // So many times, or the first and the last, both within; absent: the default.
  using Period = std::variant<std::monostate, std::size_t, std::pair<std::string, std::string>>;
  // What the split is made from: so many times before the hold-out. Default: all before it. At
  // least 3 times.
  Period pre;
  // What the split is judged by: so many last times. Default: a fifth of all.
  Period holdout;
  // The last so many times of the pre-period are balanced one by one, together weighing as much as
  // one column; the mean of the whole pre-period always is. Default: all, at most 28.
  std::optional<std::size_t> lags;
  // Times that the test will run; at most those of the hold-out. Default: those.
  std::optional<std::size_t> duration;
  // The group that the others are compared with. Default: the one named "control", else the
  // largest, of equals the last.
  std::optional<std::string> control;
  std::size_t placebos = 1000;
};

// Made by make_panel(); immutable.
struct Panel {
  // How it was asked for, with every default filled in.
  PanelOptions asked;
  // One row a unit in order of appearance: the id, the columns that have one value a unit, the mean
  // of the pre-period ("sales"), and the lags ("sales lag 1": the last time of the pre-period).
  Table units;
  // For the split of `units`.
  Options options;
  // As spelled in the table, in order.
  std::vector<std::string> times;
  // Times [begin, end).
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t size() const { return end - begin; }
  };
  Range pre;
  Range holdout;
  // units × times; NaN where there is none.
  std::vector<double> values;
  // Columns of the panel that are not among those of `units`, and notes of reading it.
  std::vector<ColumnAccount> others;
  std::vector<std::string> notes;
};

// Brings a panel to one row a unit. Fails with kInvalidArgument, naming column, unit and time: a
// unit that has a time twice, times without an order, periods that are too short, a stratum that
// changes within a unit, and missing values unless options.missing says what to do (drop_rows:
// the unit gets no group; mean, median: of the unit's pre-period). A varying numeric column named in
// options.columns becomes its mean over the pre-period. kTooLarge when units × times is.
Result<Panel> make_panel(const Table& table, const PanelOptions& panel, const Options& options);

// A lift and how likely a test of that duration is to find it.
struct PowerPoint {
  double lift = 0;
  double power = 0;
};

// What placebo splits say about tests of the panel's duration: the lifts that a test would have
// reported in the hold-out, where nothing happened.
struct PlaceboTest {
  std::size_t count = 0;
  double mean = 0;
  double sd = 0;
  // A lift beyond it is significant: 95 % of the placebo lifts are nearer to 0.
  double critical = 0;
  // The minimum detectable effect: the smallest lift that 80 % of the tests find significant.
  double mde = 0;
};

// A test group beside the control group. The control predicts it by a regression over the
// pre-period, group sums on group sums (time-based regression, Kerman, Wang and Vaver 2017); the
// lift is what the group did in a period divided by what was expected, less 1.
struct GeoTest {
  std::uint32_t group = 0;
  double intercept = 0;
  double slope = 0;
  // Pearson's, between the groups' sums over time; absent where one is constant or times are few.
  std::optional<double> correlation_pre;
  std::optional<double> correlation_holdout;
  // The same over the pre-period for a random split.
  std::optional<double> correlation_random;
  // Mean of |gap| over the times, divided by the mean of the group.
  double gap_pre = 0;
  double gap_holdout = 0;
  // Of the residuals of the pre-period: 2 without autocorrelation.
  std::optional<double> durbin_watson;
  // One a time of the panel: the group's sum, and what the control makes expected.
  std::vector<double> observed;
  std::vector<double> expected;

  // What a test of the duration would have reported at the beginning of the hold-out (A/A), and
  // which share of the placebo lifts is at least as far from 0.
  std::optional<double> lift;
  std::optional<double> lift_p;
  // Splits made as this one was, and random ones of the same sizes, strata and constraints. Absent
  // where what was expected was not above 0.
  std::optional<PlaceboTest> placebo;
  std::optional<PlaceboTest> random;
  // Of the placebo splits; `mde_volume` is what the MDE means in units of the value.
  std::vector<PowerPoint> power;
  double mde_volume = 0;
  // MDE by duration, up to that of the hold-out: at most 30 durations, evenly spread.
  std::vector<std::pair<std::size_t, double>> mde_by_duration;
};

// What split() says of a panel: how well each group is predicted by the control group, and which
// lift a test would find.
struct PanelReport {
  PanelOptions asked;
  std::vector<std::string> times;
  Panel::Range pre;
  Panel::Range holdout;
  std::uint32_t control = 0;
  // Of each group: its share of the value's sum over the pre-period.
  std::vector<double> volume_shares;
  // One for each group but the control.
  std::vector<GeoTest> tests;
};

}  // namespace saola::split
