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

// How much kSearch does in a usual restart, in units of Pace (about nanoseconds).
inline std::uint64_t search_work(std::size_t rows) {
  constexpr std::uint64_t kPerRow = 350'000;
  constexpr std::uint64_t kMost = 1'600'000'000;
  return std::min(kPerRow * rows, kMost);
}

// How many eighths of the usual work restart `number` does. Where restarts go on until they are
// fruitless, the first are short, so that little time gives an answer too, and later ones longer: two
// of each length, for two kinds of search may take turns.
inline constexpr std::uint64_t kUsual = 8;
inline std::uint64_t restart_eighths(const SearchOptions& options, std::size_t number) {
  if (options.restarts || options.designs > 0) return kUsual;
  constexpr std::size_t kDoublings = 7;
  return std::uint64_t{1} << std::min(number / 2, kDoublings);
}

inline bool is_diversity(Objective objective) {
  return objective == Objective::kDiversity || objective == Objective::kAverageDiversity;
}

// The diversity that is meant: the average where the groups' sizes differ by more than one.
Objective diversity_for(const Problem& problem);

}  // namespace saola::split
