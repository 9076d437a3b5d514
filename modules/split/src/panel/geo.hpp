// Judges a split of a panel as a geo test (see GeoTest and PlaceboTest).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <saola/split/panel.hpp>

namespace saola::split {

// Ordinary least squares of y on x: y = intercept + slope × x; slope 0 where x is constant.
struct Line {
  double intercept = 0;
  double slope = 0;
};
Line regress(std::span<const double> x, std::span<const double> y);

// Pearson's; absent below three pairs, or where one side is constant.
std::optional<double> correlation(std::span<const double> x, std::span<const double> y);

// From lifts that placebo splits reported: an order statistic each, so nothing is assumed of their
// distribution. A test with a true lift L reports (1 + L)(1 + lift) - 1 where the placebo split
// reported `lift`, and finds it when that is above `critical`. REQUIRES: lifts not empty, each
// above -1.
PlaceboTest judge_placebos(std::vector<double> lifts);
double power_at(double lift, double critical, std::span<const double> lifts);

// Assignments of the units that take part: group of each.
using Assignments = std::vector<std::vector<std::uint32_t>>;

// What is known beside the panel.
struct GeoSplit {
  // Rows of panel.units that have a group.
  std::span<const std::uint32_t> units;
  std::span<const NamedSize> groups;
  std::span<const std::uint32_t> answer;
  std::span<const std::uint32_t> random;
  const Assignments& placebos;
  const Assignments& random_placebos;
};

// `go_on` is asked with the part done; where it returns false, the placebo splits so far count.
PanelReport measure_geo_tests(const Panel& panel, const GeoSplit& split, std::uint32_t control,
                              const std::function<bool(double)>& go_on);

// The group that the others are compared with; kInvalidArgument when there is none of that name.
Result<std::uint32_t> find_control(const std::optional<std::string>& asked,
                                   std::span<const NamedSize> groups);

}  // namespace saola::split
