// The order in which the search keeps the rows: strata apart, and similar rows side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <saola/split/search.hpp>

#include "search/pace.hpp"

namespace saola::split {

// Positions begin … end - 1.
struct Range {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::uint32_t size() const { return end - begin; }
};

struct Layout {
  // Row of each position. Within a stratum the rows follow the leaves of a k-d tree, so rows near
  // in position are mostly near in the columns.
  std::vector<std::uint32_t> row_at;
  // Positions that may exchange their groups: those of each stratum, in its order; all, when the
  // strata are made of several factors (then Margins says which exchanges keep them spread).
  std::vector<Range> strata;
  // Stratum of each position; empty when there is one.
  std::vector<std::uint32_t> stratum_at;
};

// The strata only, in the order of the rows.
Layout strata_layout(const Problem& problem);

// Costs about rows × columns × log2(rows). When `pace` stops it, the order is valid but poor.
Layout make_layout(const Problem& problem, Pace& pace);

}  // namespace saola::split
