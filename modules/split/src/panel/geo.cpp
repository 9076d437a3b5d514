#include "panel/geo.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "table/quoted.hpp"

namespace saola::split {
namespace {

bool is_control(std::string_view name) {
  constexpr std::string_view kControl = "control";
  return std::equal(name.begin(), name.end(), kControl.begin(), kControl.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

constexpr double kConfidence = 0.95;
constexpr double kPower = 0.8;
constexpr std::array kLifts = {0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5};
constexpr std::size_t kMostDurations = 30;

// groups × times: the sum of the members' values.
std::vector<std::vector<double>> sums_of(const Panel& panel, std::span<const std::uint32_t> units,
                                         std::span<const std::uint32_t> groups, std::size_t count) {
  const auto times = panel.times.size();
  std::vector<std::vector<double>> sums(count, std::vector<double>(times));
  for (std::size_t i = 0; i < units.size(); ++i) {
    const double* const values = &panel.values[units[i] * times];
    auto& sum = sums[groups[i]];
    for (std::size_t t = 0; t < times; ++t) sum[t] += values[t];
  }
  return sums;
}

std::span<const double> within(std::span<const double> series, const Panel::Range& range) {
  return series.subspan(range.begin, range.size());
}

// The lifts that a test of each of the durations reports at the beginning of the hold-out; absent
// where nothing is expected.
std::vector<std::optional<double>> lifts_of(const Panel& panel, std::span<const double> control,
                                            std::span<const double> test,
                                            std::span<const std::size_t> durations) {
  const auto line = regress(within(control, panel.pre), within(test, panel.pre));
  std::vector<std::optional<double>> out;
  double observed = 0;
  double expected = 0;
  std::size_t t = 0;
  for (const auto duration : durations) {
    for (; t < duration; ++t) {
      observed += test[panel.holdout.begin + t];
      expected += line.intercept + line.slope * control[panel.holdout.begin + t];
    }
    const bool possible = expected > 0 && observed > 0;
    out.push_back(possible ? std::optional(observed / expected - 1) : std::nullopt);
  }
  return out;
}

std::optional<double> durbin_watson(std::span<const double> residuals) {
  double square = 0;
  double change = 0;
  for (std::size_t t = 0; t < residuals.size(); ++t) {
    square += residuals[t] * residuals[t];
    if (t > 0) change += (residuals[t] - residuals[t - 1]) * (residuals[t] - residuals[t - 1]);
  }
  if (square <= 0) return std::nullopt;
  return change / square;
}

// Mean |gap| over the mean of the observed.
double relative_gap(std::span<const double> observed, std::span<const double> expected) {
  double gap = 0;
  double sum = 0;
  for (std::size_t t = 0; t < observed.size(); ++t) {
    gap += std::abs(observed[t] - expected[t]);
    sum += observed[t];
  }
  return sum == 0 ? 0 : gap / std::abs(sum);
}

std::vector<std::size_t> durations_up_to(std::size_t longest) {
  std::vector<std::size_t> out;
  const auto steps = std::min(longest, kMostDurations);
  for (std::size_t i = 1; i <= steps; ++i) out.push_back((i * longest + steps - 1) / steps);
  return out;
}

// Lifts that placebo splits reported: tests × durations × splits. Those of a duration are empty where
// one split has none.
using Lifts = std::vector<std::vector<std::vector<double>>>;

Lifts placebo_lifts(const Panel& panel, const GeoSplit& split, const Assignments& placebos,
                    std::uint32_t control, std::span<const std::size_t> durations,
                    const std::function<bool(double)>& go_on) {
  const auto groups = split.groups.size();
  Lifts out(groups, std::vector<std::vector<double>>(durations.size()));
  std::vector<bool> possible(groups * durations.size(), true);
  for (std::size_t p = 0; p < placebos.size(); ++p) {
    if (!go_on(static_cast<double>(p) / static_cast<double>(placebos.size()))) break;
    const auto sums = sums_of(panel, split.units, placebos[p], groups);
    for (std::size_t g = 0; g < groups; ++g) {
      if (g == control) continue;
      const auto lifts = lifts_of(panel, sums[control], sums[g], durations);
      for (std::size_t d = 0; d < durations.size(); ++d) {
        if (!lifts[d]) possible[g * durations.size() + d] = false;
        out[g][d].push_back(lifts[d].value_or(0));
      }
    }
  }
  for (std::size_t g = 0; g < groups; ++g) {
    for (std::size_t d = 0; d < durations.size(); ++d) {
      if (!possible[g * durations.size() + d]) out[g][d].clear();
    }
  }
  return out;
}

// `lifts` are those of the group, durations × splits; the panel's duration is number `at`.
void judge(GeoTest& test, const Panel& panel, std::span<const std::size_t> durations,
           std::size_t at, const std::vector<std::vector<double>>& lifts) {
  for (std::size_t d = 0; d < durations.size(); ++d) {
    if (lifts[d].empty()) continue;
    test.mde_by_duration.emplace_back(durations[d], judge_placebos(lifts[d]).mde);
  }
  if (lifts[at].empty()) return;
  test.placebo = judge_placebos(lifts[at]);
  for (const double lift : kLifts) {
    test.power.push_back({lift, power_at(lift, test.placebo->critical, lifts[at])});
  }
  double expected = 0;
  for (std::size_t t = 0; t < durations[at]; ++t) {
    expected += test.expected[panel.holdout.begin + t];
  }
  test.mde_volume = test.placebo->mde * expected;
  if (!test.lift) return;
  const auto farther = std::count_if(lifts[at].begin(), lifts[at].end(), [&](double lift) {
    return std::abs(lift) >= std::abs(*test.lift);
  });
  test.lift_p = static_cast<double>(farther + 1) / static_cast<double>(lifts[at].size() + 1);
}

}  // namespace

Line regress(std::span<const double> x, std::span<const double> y) {
  const auto count = static_cast<double>(x.size());
  double mean_x = 0;
  double mean_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / count;
    mean_y += y[i] / count;
  }
  double square = 0;
  double product = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    square += (x[i] - mean_x) * (x[i] - mean_x);
    product += (x[i] - mean_x) * (y[i] - mean_y);
  }
  const double slope = square > 0 ? product / square : 0;
  return {mean_y - slope * mean_x, slope};
}

std::optional<double> correlation(std::span<const double> x, std::span<const double> y) {
  constexpr std::size_t kLeast = 3;
  if (x.size() < kLeast) return std::nullopt;
  const auto of_y = regress(x, y).slope;
  const auto of_x = regress(y, x).slope;
  const auto constant = [](std::span<const double> values) {
    return std::all_of(values.begin(), values.end(),
                       [&](double value) { return value == values.front(); });
  };
  if (constant(x) || constant(y)) return std::nullopt;
  return std::copysign(std::sqrt(std::min(of_y * of_x, 1.0)), of_y);
}

PlaceboTest judge_placebos(std::vector<double> lifts) {
  PlaceboTest out;
  out.count = lifts.size();
  const auto count = static_cast<double>(lifts.size());
  for (const double lift : lifts) out.mean += lift / count;
  for (const double lift : lifts) out.sd += (lift - out.mean) * (lift - out.mean);
  out.sd = lifts.size() > 1 ? std::sqrt(out.sd / (count - 1)) : 0;
  // The smallest value that at least this share of them does not exceed.
  const auto quantile = [&](std::vector<double>& values, double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * count - 1e-9));
    const auto at =
        values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
    std::nth_element(values.begin(), at, values.end());
    return *at;
  };
  auto sizes = lifts;
  for (double& size : sizes) size = std::abs(size);
  out.critical = quantile(sizes, kConfidence);
  // A true lift L is found where (1 + L)(1 + lift) - 1 > critical.
  for (double& lift : lifts) lift = (1 + out.critical) / (1 + lift) - 1;
  out.mde = std::max(quantile(lifts, kPower), 0.0);
  return out;
}

double power_at(double lift, double critical, std::span<const double> lifts) {
  const auto found = std::count_if(lifts.begin(), lifts.end(), [&](double placebo) {
    return (1 + lift) * (1 + placebo) - 1 > critical;
  });
  return static_cast<double>(found) / static_cast<double>(lifts.size());
}

Result<std::uint32_t> find_control(const std::optional<std::string>& asked,
                                   std::span<const NamedSize> groups) {
  std::uint32_t largest = 0;
  for (std::uint32_t g = 0; g < groups.size(); ++g) {
    const auto& name = groups[g].name;
    if (asked ? name == *asked : is_control(name)) return g;
    if (groups[g].size >= groups[largest].size) largest = g;
  }
  if (!asked) return largest;
  return fail(ErrorCode::kInvalidArgument, "panel.control: there is no group {}", quoted(*asked));
}

PanelReport measure_geo_tests(const Panel& panel, const GeoSplit& split, std::uint32_t control,
                              const std::function<bool(double)>& go_on) {
  PanelReport report;
  report.asked = panel.asked;
  report.asked.control = split.groups[control].name;
  report.times = panel.times;
  report.pre = panel.pre;
  report.holdout = panel.holdout;
  report.control = control;
  const auto groups = split.groups.size();
  const auto sums = sums_of(panel, split.units, split.answer, groups);
  const auto random = sums_of(panel, split.units, split.random, groups);
  double total = 0;
  for (const auto& series : sums) {
    double sum = 0;
    for (const double v : within(series, panel.pre)) sum += v;
    report.volume_shares.push_back(sum);
    total += sum;
  }
  for (double& share : report.volume_shares) share = total == 0 ? 0 : share / total;
  auto durations = durations_up_to(panel.holdout.size());
  const std::size_t only[] = {*panel.asked.duration};
  const auto place = std::lower_bound(durations.begin(), durations.end(), only[0]);
  const auto at = static_cast<std::size_t>(place - durations.begin());
  if (*place != only[0]) durations.insert(place, only[0]);
  const auto lifts = placebo_lifts(panel, split, split.placebos, control, durations,
                                   [&](double part) { return go_on(part / 2); });
  const auto random_lifts = placebo_lifts(panel, split, split.random_placebos, control, only,
                                          [&](double part) { return go_on((1 + part) / 2); });
  for (std::uint32_t g = 0; g < groups; ++g) {
    if (g == control) continue;
    GeoTest test;
    test.group = g;
    test.observed = sums[g];
    const auto line = regress(within(sums[control], panel.pre), within(sums[g], panel.pre));
    test.intercept = line.intercept;
    test.slope = line.slope;
    std::vector<double> residuals;
    for (std::size_t t = 0; t < panel.times.size(); ++t) {
      test.expected.push_back(line.intercept + line.slope * sums[control][t]);
      if (t >= panel.pre.begin && t < panel.pre.end) {
        residuals.push_back(test.observed[t] - test.expected[t]);
      }
    }
    const auto between = [&](const std::vector<std::vector<double>>& series,
                             const Panel::Range& range) {
      return correlation(within(series[control], range), within(series[g], range));
    };
    test.correlation_pre = between(sums, panel.pre);
    test.correlation_holdout = between(sums, panel.holdout);
    test.correlation_random = between(random, panel.pre);
    test.gap_pre = relative_gap(within(test.observed, panel.pre), within(test.expected, panel.pre));
    test.gap_holdout =
        relative_gap(within(test.observed, panel.holdout), within(test.expected, panel.holdout));
    test.durbin_watson = durbin_watson(residuals);
    test.lift = lifts_of(panel, sums[control], sums[g], only)[0];
    judge(test, panel, durations, at, lifts[g]);
    if (!random_lifts[g][0].empty()) test.random = judge_placebos(random_lifts[g][0]);
    report.tests.push_back(std::move(test));
  }
  return report;
}

}  // namespace saola::split
