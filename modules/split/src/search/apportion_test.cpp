#include "search/apportion.hpp"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

namespace saola::split {
namespace {

// Checks what apportion() promises.
void expect_rounded(const std::vector<std::uint32_t>& strata,
                    const std::vector<std::uint32_t>& groups, std::uint64_t seed) {
  Random random(seed);
  const auto counts = apportion(strata, groups, random);
  ASSERT_EQ(counts.size(), strata.size() * groups.size());
  const double total = std::accumulate(groups.begin(), groups.end(), 0.0);
  std::vector<std::uint32_t> columns(groups.size());
  for (std::size_t s = 0; s < strata.size(); ++s) {
    std::uint32_t row = 0;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const auto count = counts[s * groups.size() + g];
      EXPECT_LT(std::abs(count - strata[s] * (groups[g] / total)), 1.0) << s << " " << g;
      row += count;
      columns[g] += count;
    }
    EXPECT_EQ(row, strata[s]);
  }
  EXPECT_EQ(columns, groups);
}

TEST(Apportion, EveryCountIsLessThanOneOff) {
  Random random(7);
  for (std::uint64_t round = 0; round < 300; ++round) {
    std::vector<std::uint32_t> strata(1 + random.below(12));
    std::vector<std::uint32_t> groups(2 + random.below(7), 1);
    for (auto& size : strata) size = 1 + random.below(9);
    auto left = std::accumulate(strata.begin(), strata.end(), 0U);
    if (left < groups.size()) {
      strata[0] += static_cast<std::uint32_t>(groups.size()) - left;
      left = static_cast<std::uint32_t>(groups.size());
    }
    for (left -= static_cast<std::uint32_t>(groups.size()); left > 0; --left) {
      ++groups[random.below(static_cast<std::uint32_t>(groups.size()))];
    }
    expect_rounded(strata, groups, round);
  }
}

TEST(Apportion, ManyStrataOfOne) {
  expect_rounded(std::vector<std::uint32_t>(20'000, 1), {5'000, 7'000, 8'000}, 1);
}

TEST(Apportion, EachCellIsRightOnAverage) {
  // 3 strata of 1 over groups of 2 and 1: each stratum is in the second group a third of the time.
  const std::vector<std::uint32_t> strata = {1, 1, 1};
  const std::vector<std::uint32_t> groups = {2, 1};
  Random random(3);
  std::vector<int> second(3);
  constexpr int kRounds = 6000;
  for (int round = 0; round < kRounds; ++round) {
    const auto counts = apportion(strata, groups, random);
    for (std::size_t s = 0; s < 3; ++s) second[s] += static_cast<int>(counts[s * 2 + 1]);
  }
  for (const int count : second) EXPECT_NEAR(count, kRounds / 3, 200);
}

}  // namespace
}  // namespace saola::split
