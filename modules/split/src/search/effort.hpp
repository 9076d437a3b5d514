// What the search and the search under constraints share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <saola/split/search.hpp>

namespace saola::split {

// Independent random streams of one seed.
inline constexpr std::uint64_t kRandomSplitStream = 0;
inline constexpr std::uint64_t kFirstRestartStream = 1;
inline constexpr std::uint64_t kDrawStream = UINT64_MAX;
inline constexpr std::uint64_t kPlaceboStream = UINT64_MAX - 1;

// How much kSearch does in a restart, in units of Pace (about nanoseconds).
inline std::uint64_t search_work(std::size_t rows) {
  constexpr std::uint64_t kPerRow = 350'000;
  constexpr std::uint64_t kMost = 1'600'000'000;
  return std::min(kPerRow * rows, kMost);
}

inline bool is_diversity(Objective objective) {
  return objective == Objective::kDiversity || objective == Objective::kAverageDiversity;
}

// The diversity that is meant: the average where the groups' sizes differ by more than one.
Objective diversity_for(const Problem& problem);

}  // namespace saola::split
