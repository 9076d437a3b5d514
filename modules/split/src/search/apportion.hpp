// Spreads strata over groups in whole numbers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "search/random.hpp"

namespace saola::split {

// strata × groups counts, row-major. Every stratum's counts sum to its size, every group's to its
// size, and each count differs from stratum × group / total by less than 1: controlled rounding of
// a two-way table (Cox 1987), done in whole numbers. Which cells are rounded up is random.
// REQUIRES: both sum to the same total.
std::vector<std::uint32_t> apportion(std::span<const std::uint32_t> stratum_sizes,
                                     std::span<const std::uint32_t> group_sizes, Random& random);

}  // namespace saola::split
