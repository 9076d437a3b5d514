// The search under constraints.
#pragma once

#include <saola/base/error.hpp>
#include <saola/split/search.hpp>

#include "constraints/rules.hpp"
#include "search/pace.hpp"

namespace saola::split {

// As search(), with every rule met. Fails with kInvalidArgument when no such split was found: the
// text names rules that conflict, as few as possible. For diversity at most 6,000 blocks of units
// (kTooLarge beyond).
Result<Solution> constrained_search(const Problem& problem, const Rules& rules,
                                    const SearchOptions& options, const Poll& poll);

// Met by some assignment, found by the seed; nullopt when none was found, or `pace` said stop.
std::optional<std::vector<std::uint32_t>> constrained_assignment(const Problem& problem,
                                                                 const Rules& rules,
                                                                 std::uint64_t seed, Pace& pace);

}  // namespace saola::split
