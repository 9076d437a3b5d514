#include "search/margins.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

namespace saola::split {
namespace {

// A factor's count off by one weighs more than all pairs of that row together, and so on.
constexpr double kFactor = 1e6;
constexpr double kPair = 1e3;
constexpr double kCombination = 1;

}  // namespace

Margins::Margins(const Problem& problem) : groups_(problem.sizes.size()) {
  strata_ = problem.factors.empty() ? 0 : problem.factors.front().size();
  stratum_sizes_.resize(strata_);
  for (const auto s : problem.stratum) ++stratum_sizes_[s];
  const auto& factors = problem.factors;
  for (const auto& factor : factors) add_margin(kFactor, factor, problem);
  for (std::size_t f = 0; f < factors.size() && factors.size() > 2; ++f) {
    for (std::size_t g = 0; g < f; ++g) {
      std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> numbers;
      std::vector<std::uint32_t> levels(strata_);
      for (std::size_t s = 0; s < strata_; ++s) {
        const auto next = static_cast<std::uint32_t>(numbers.size());
        levels[s] = numbers.try_emplace({factors[f][s], factors[g][s]}, next).first->second;
      }
      add_margin(kPair, std::move(levels), problem);
    }
  }
  std::vector<std::uint32_t> all(strata_);
  std::iota(all.begin(), all.end(), 0U);
  add_margin(kCombination, std::move(all), problem);
}

void Margins::add_margin(double weight, std::vector<std::uint32_t> levels, const Problem& problem) {
  Margin margin;
  margin.weight = weight;
  const std::size_t count = *std::max_element(levels.begin(), levels.end()) + 1;
  std::vector<double> sizes(count);
  for (std::size_t s = 0; s < strata_; ++s) sizes[levels[s]] += stratum_sizes_[s];
  for (const double size : sizes) {
    for (const auto group : problem.sizes) {
      margin.expected.push_back(size * group / static_cast<double>(problem.rows));
    }
  }
  margin.level_of_stratum = std::move(levels);
  margin.count.resize(margin.expected.size());
  margins_.push_back(std::move(margin));
}

void Margins::assign(std::span<const std::uint32_t> counts) {
  for (auto& margin : margins_) {
    std::fill(margin.count.begin(), margin.count.end(), 0);
    for (std::size_t s = 0; s < strata_; ++s) {
      for (std::size_t g = 0; g < groups_; ++g) {
        margin.count[margin.level_of_stratum[s] * groups_ + g] += counts[s * groups_ + g];
      }
    }
  }
}

void Margins::assign(std::span<const std::uint32_t> stratum_at,
                     std::span<const std::uint32_t> group_at) {
  std::vector<std::uint32_t> counts(strata_ * groups_);
  for (std::size_t p = 0; p < stratum_at.size(); ++p)
    ++counts[stratum_at[p] * groups_ + group_at[p]];
  assign(counts);
}

double Margins::delta(std::uint32_t s, std::uint32_t t, std::uint32_t a, std::uint32_t b) const {
  double change = 0;
  for (const auto& margin : margins_) {
    const auto level_s = margin.level_of_stratum[s];
    const auto level_t = margin.level_of_stratum[t];
    if (level_s == level_t) continue;
    const auto off = [&](std::uint32_t level, std::uint32_t group) {
      const auto i = level * groups_ + group;
      return margin.count[i] - margin.expected[i];
    };
    // (x ± 1)² - x² = 1 ± 2x, four times.
    change += margin.weight * (4 - 2 * off(level_s, a) + 2 * off(level_s, b) - 2 * off(level_t, b) +
                               2 * off(level_t, a));
  }
  return change;
}

void Margins::exchange(std::uint32_t s, std::uint32_t t, std::uint32_t a, std::uint32_t b) {
  if (s == t) return;
  for (auto& margin : margins_) {
    const auto level_s = margin.level_of_stratum[s];
    const auto level_t = margin.level_of_stratum[t];
    margin.count[level_s * groups_ + a] -= 1;
    margin.count[level_s * groups_ + b] += 1;
    margin.count[level_t * groups_ + b] -= 1;
    margin.count[level_t * groups_ + a] += 1;
  }
}

void Margins::improve(std::vector<std::uint32_t>& counts, Random& random) {
  assign(counts);
  const auto try_exchange = [&](std::size_t s, std::size_t t, std::size_t a, std::size_t b,
                                double threshold) {
    auto& from_s = counts[s * groups_ + a];
    auto& from_t = counts[t * groups_ + b];
    if (s == t || a == b || from_s == 0 || from_t == 0) return false;
    const auto [s32, t32] = std::pair(static_cast<std::uint32_t>(s), static_cast<std::uint32_t>(t));
    const auto [a32, b32] = std::pair(static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b));
    if (delta(s32, t32, a32, b32) >= threshold) return false;
    exchange(s32, t32, a32, b32);
    --from_s;
    --from_t;
    ++counts[s * groups_ + b];
    ++counts[t * groups_ + a];
    return true;
  };
  // Threshold accepting over random exchanges, then every exchange until none helps.
  const auto strata = static_cast<std::uint32_t>(strata_);
  const auto groups = static_cast<std::uint32_t>(groups_);
  constexpr std::size_t kStages = 40;
  constexpr std::size_t kMostTries = 100'000;
  const auto tries = std::min(kMostTries, 60 * strata_ * groups_) / kStages + 1;
  double threshold = kFactor;
  for (std::size_t stage = 0; stage < kStages; ++stage, threshold *= 0.6) {
    for (std::size_t n = 0; n < tries; ++n) {
      const auto s = random.below(strata);
      const auto t = random.below(strata);
      const auto a = random.below(groups);
      try_exchange(s, t, a, random.below(groups), threshold);
    }
  }
  constexpr std::size_t kAffordable = 2'000'000;
  if (strata_ * strata_ * groups_ * groups_ > kAffordable) return;
  for (bool better = true; better;) {
    better = false;
    for (std::size_t s = 0; s < strata_; ++s) {
      for (std::size_t t = 0; t < strata_; ++t) {
        for (std::size_t a = 0; a < groups_; ++a) {
          for (std::size_t b = 0; b < groups_; ++b) {
            better = try_exchange(s, t, a, b, -kRounding) || better;
          }
        }
      }
    }
  }
}

}  // namespace saola::split
