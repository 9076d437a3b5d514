// Puts units into groups of given sizes so that no two that are joined share a group: the colouring
// of a graph whose colours may be used so often.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace saola::split {

using Edge = std::pair<std::uint32_t, std::uint32_t>;

enum class Colourable { kYes, kNo, kUnknown };

struct Colouring {
  Colourable colourable = Colourable::kUnknown;
  // Of each unit, when it is kYes.
  std::vector<std::uint32_t> group_of_unit;
};

// Exact for two groups (every component has two ways round; their sizes are a subset-sum). For more
// a search that gives up, with kUnknown, after `work` steps of about a nanosecond: the unit with the
// fewest groups left first (DSATUR, Brélaz 1979), each component alone before all together.
Colouring colour(std::size_t units, std::span<const std::uint32_t> sizes,
                 std::span<const Edge> edges, std::uint64_t work);

}  // namespace saola::split
