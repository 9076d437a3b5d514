// Assignments to start from, by position (see Layout).
#pragma once

#include <cstdint>
#include <vector>

#include <saola/split/search.hpp>

#include "search/layout.hpp"
#include "search/random.hpp"

namespace saola::split {

// Any assignment with these sizes (and strata × groups counts, see apportion()) equally likely.
std::vector<std::uint32_t> random_start(const Problem& problem, const Layout& layout,
                                        Random& random);

// Rows near in the layout go to different groups, at random which: each group gets a share of every
// neighbourhood (anticlust calls it preclustering).
std::vector<std::uint32_t> matched_start(const Problem& problem, const Layout& layout,
                                         Random& random);

}  // namespace saola::split
