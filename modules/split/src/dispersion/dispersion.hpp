// Searches for what the smallest distance within a group says: Objective::kDispersion and
// kBicriterion.
#pragma once

#include <saola/split/search.hpp>

#include "constraints/rules.hpp"

namespace saola::split {

// The largest dispersion first: pairs of units are kept apart in the order of their distances for as
// long as that can be done (found by bisection; exactly where Solution::dispersion_proven says so).
// Then the diversity of the splits that keep them apart is searched. Fails with kTooLarge beyond
// DistanceTable::kKeptUpTo rows.
Result<Solution> dispersion_search(const Problem& problem, const Rules& rules,
                                   const SearchOptions& options, const Poll& poll);

// Diversity with ever more pairs kept apart, from none to the largest dispersion (the ε-constraint
// method, Haimes 1971), in at most kMostPoints steps; Solution::pareto has those that no other beats
// in both. The answer is the one that gains most of both together.
Result<Solution> bicriterion_search(const Problem& problem, const Rules& rules,
                                    const SearchOptions& options, const Poll& poll);

}  // namespace saola::split
