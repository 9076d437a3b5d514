// Constraints on where units go, resolved to numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/split/options.hpp>
#include <saola/split/table.hpp>

#include "selection/selection.hpp"

namespace saola::split {

// One thing that was asked for, which can be left out when what conflicts is looked for.
struct Rule {
  enum class Kind { kAllowed, kTogether, kApart, kSize, kVolume };
  Kind kind = Kind::kAllowed;
  // As the user said it: "fixed: 'u1' in 'test'".
  std::string text;
  // kAllowed: one unit; kTogether, kApart: the set.
  std::vector<std::uint32_t> units;
  // kAllowed: where it may go; kSize, kVolume: the one group.
  std::vector<std::uint32_t> groups;
  // kApart: at most so many of the units in a group.
  std::uint32_t most = 1;
  // kSize: rows; kVolume: the sum of the column.
  double min = 0;
  double max = 0;
};

struct Rules {
  std::vector<Rule> rules;
  // Of each unit, for kVolume; empty without.
  std::vector<double> volume;
  // Group of each unit to start from, or kNoGroup; empty without.
  std::vector<std::uint32_t> start;

  // Nothing is asked for beyond fixed sizes.
  bool plain = true;
};

// Finds units and groups by name. Fails with kInvalidArgument; the text names the option.
Result<Rules> resolve_rules(const Table& table, const Options& options, const Selection& selection,
                            const std::vector<NamedSize>& groups);

}  // namespace saola::split
