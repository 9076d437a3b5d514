#include "report/measure.hpp"

#include <algorithm>
#include <cmath>
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

}  // namespace

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
