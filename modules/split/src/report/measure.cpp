#include "report/measure.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace saola::split {
namespace {

using Assignment = std::span<const std::uint32_t>;

struct Moments2 {
  std::vector<double> mean;
  std::vector<double> sd;
};

Moments2 by_group(std::span<const double> values, Assignment group, std::size_t groups) {
  Moments2 m{std::vector<double>(groups), std::vector<double>(groups)};
  std::vector<double> count(groups);
  for (std::size_t r = 0; r < values.size(); ++r) {
    m.mean[group[r]] += values[r];
    count[group[r]] += 1;
  }
  for (std::size_t g = 0; g < groups; ++g) m.mean[g] /= count[g];
  for (std::size_t r = 0; r < values.size(); ++r) {
    const double d = values[r] - m.mean[group[r]];
    m.sd[group[r]] += d * d;
  }
  for (std::size_t g = 0; g < groups; ++g) {
    m.sd[g] = count[g] > 1 ? std::sqrt(m.sd[g] / (count[g] - 1)) : 0;
  }
  return m;
}

double spread(std::span<const double> values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *high - *low;
}

std::vector<std::uint32_t> group_sizes(Assignment group, std::size_t groups) {
  std::vector<std::uint32_t> sizes(groups);
  for (const auto g : group) ++sizes[g];
  return sizes;
}

double share_gap(std::span<const std::uint32_t> counts, std::span<const std::uint32_t> sizes) {
  double low = 1;
  double high = 0;
  for (std::size_t g = 0; g < counts.size(); ++g) {
    const double share = static_cast<double>(counts[g]) / sizes[g];
    low = std::min(low, share);
    high = std::max(high, share);
  }
  return high - low;
}

std::optional<double> variance_ratio(std::span<const double> sds) {
  const auto [low, high] = std::minmax_element(sds.begin(), sds.end());
  if (*low <= 0) return std::nullopt;
  return (*high / *low) * (*high / *low);
}

// The values' order, and on them the largest gap between the groups' cumulative shares.
double largest_gap(std::span<const double> values, std::span<const std::uint32_t> order,
                   Assignment group, std::size_t groups) {
  const auto sizes = group_sizes(group, groups);
  std::vector<std::uint32_t> below(groups);
  double largest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    ++below[group[order[i]]];
    if (i + 1 < order.size() && values[order[i + 1]] == values[order[i]]) continue;
    largest = std::max(largest, share_gap(below, sizes));
  }
  return largest;
}

ColumnShape shape_of(std::span<const double> values, std::span<const std::uint32_t> order,
                     Assignment before, Assignment after, std::size_t groups) {
  const auto bins = std::clamp<std::size_t>(2 * values.size() / (3 * groups), 8, 40);
  // What is far out would squeeze the rest.
  const auto tail = order.size() / 200;
  ColumnShape shape;
  shape.low = values[order[tail]];
  shape.high = values[order[order.size() - 1 - tail]];
  shape.before.assign(groups, std::vector<std::uint32_t>(bins));
  shape.after = shape.before;
  const double width =
      shape.high > shape.low ? (shape.high - shape.low) / static_cast<double>(bins) : 1;
  for (std::size_t r = 0; r < values.size(); ++r) {
    const double place = std::floor((values[r] - shape.low) / width);
    const auto bin =
        static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(bins - 1)));
    ++shape.before[before[r]][bin];
    ++shape.after[after[r]][bin];
  }
  return shape;
}

}  // namespace

void measure_shape(ColumnBalance& balance, std::span<const double> values, Assignment before,
                   Assignment after, std::size_t groups) {
  constexpr std::size_t kMostGroups = 50;
  constexpr std::size_t kMostShown = 12;
  if (balance.constant || groups > kMostGroups) return;
  std::vector<std::uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return values[a] < values[b]; });
  balance.ks_before = largest_gap(values, order, before, groups);
  balance.ks_after = largest_gap(values, order, after, groups);
  if (groups <= kMostShown) balance.shape = shape_of(values, order, before, after, groups);
}

ColumnBalance measure_column(std::string name, std::span<const double> values, Assignment before,
                             Assignment after, std::size_t groups) {
  ColumnBalance balance;
  balance.column = std::move(name);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (*low == *high) {
    balance.constant = true;
    balance.mean = *low;
    balance.group_means.assign(groups, *low);
    balance.group_sds.assign(groups, 0);
    return balance;
  }
  // By an exact power of two into -1 … 1, so that nothing overflows.
  const int exponent = std::ilogb(std::max(std::abs(*low), std::abs(*high))) + 1;
  std::vector<double> scaled(values.begin(), values.end());
  for (double& value : scaled) value = std::ldexp(value, -exponent);
  const std::vector<std::uint32_t> one(values.size(), 0);
  const auto all = by_group(scaled, one, 1);
  const auto first = by_group(scaled, before, groups);
  const auto last = by_group(scaled, after, groups);
  const double sd = all.sd[0];
  balance.mean = std::ldexp(all.mean[0], exponent);
  balance.sd = std::ldexp(sd, exponent);
  if (sd > 0) {
    balance.smd_before = spread(first.mean) / sd;
    balance.smd_after = spread(last.mean) / sd;
    balance.sd_gap_before = spread(first.sd) / sd;
    balance.sd_gap_after = spread(last.sd) / sd;
    balance.variance_ratio_before = variance_ratio(first.sd);
    balance.variance_ratio_after = variance_ratio(last.sd);
  }
  for (std::size_t g = 0; g < groups; ++g) {
    balance.group_means.push_back(std::ldexp(last.mean[g], exponent));
    balance.group_sds.push_back(std::ldexp(last.sd[g], exponent));
  }
  return balance;
}

CategoryBalance measure_category(std::string name, std::span<const std::string> level_names,
                                 std::span<const std::uint32_t> values, Assignment before,
                                 Assignment after, std::size_t groups) {
  constexpr std::size_t kShown = 100;
  struct Level {
    std::string_view text;
    std::vector<std::uint32_t> before;
    std::vector<std::uint32_t> after;
    double gap = 0;
  };
  std::vector<Level> levels;
  for (const auto& text : level_names) {
    levels.push_back(
        {text, std::vector<std::uint32_t>(groups), std::vector<std::uint32_t>(groups)});
  }
  for (std::size_t r = 0; r < values.size(); ++r) {
    ++levels[values[r]].before[before[r]];
    ++levels[values[r]].after[after[r]];
  }
  const auto sizes = group_sizes(after, groups);
  CategoryBalance balance;
  balance.column = std::move(name);
  balance.levels_total = levels.size();
  for (auto& level : levels) {
    level.gap = share_gap(level.after, sizes);
    balance.share_gap_before = std::max(balance.share_gap_before, share_gap(level.before, sizes));
    balance.share_gap_after = std::max(balance.share_gap_after, level.gap);
  }
  std::sort(levels.begin(), levels.end(), [](const Level& a, const Level& b) {
    return a.gap > b.gap || (a.gap == b.gap && a.text < b.text);
  });
  if (levels.size() > kShown) levels.resize(kShown);
  for (auto& level : levels) {
    LevelBalance shown;
    shown.level = level.text;
    for (const auto count : level.after) shown.count += count;
    shown.share_gap_before = share_gap(level.before, sizes);
    shown.share_gap_after = level.gap;
    shown.group_counts = std::move(level.after);
    balance.levels.push_back(std::move(shown));
  }
  return balance;
}

}  // namespace saola::split
