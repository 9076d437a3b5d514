// Blocks of units that go together, put into groups under rules.
//
// Sizes, apart sets and volumes may be violated on the way; the penalty says by how much. Where a
// block is allowed never is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <saola/split/search.hpp>

#include "constraints/rules.hpp"
#include "search/pace.hpp"
#include "search/random.hpp"

namespace saola::split {

struct Block {
  std::vector<std::uint32_t> units;
  // Groups it may be in, ascending.
  std::vector<std::uint32_t> allowed;
  // Apart sets its units are in, and how many of them.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> apart;
  double volume = 0;
};

// An exchange of places: block `b` leaves its group for `to`, and block `c` (none: kNoBlock) comes
// back from there.
inline constexpr std::uint32_t kNoBlock = UINT32_MAX;
struct Move {
  std::uint32_t b = kNoBlock;
  std::uint32_t c = kNoBlock;
  std::uint32_t to = 0;
};

class Allotment {
 public:
  // Only the rules whose indices are in `active` hold.
  Allotment(const Problem& problem, const Rules& rules, std::span<const std::uint32_t> active);

  // A block that may be nowhere, or holds more of an apart set than a group may.
  bool impossible() const { return impossible_; }

  const std::vector<Block>& blocks() const { return blocks_; }
  std::size_t groups() const { return groups_; }
  std::uint32_t group(std::uint32_t block) const { return group_of_block_[block]; }
  bool may(std::uint32_t block, std::uint32_t group) const;
  std::vector<std::uint32_t> group_of_unit() const;

  // Puts every block somewhere: as the rules' start says where that is allowed, else at random
  // where there is most room.
  void place(Random& random);
  void assign(std::span<const std::uint32_t> group_of_unit);
  void apply(const Move& move);

  double penalty() const { return penalty_; }
  bool feasible() const { return penalty_ < kRounding; }
  // The changes a move would make to the penalty, and to how unevenly the strata are spread.
  struct Change {
    double penalty = 0;
    double spread = 0;
  };
  Change change(const Move& move);
  // It neither violates a rule more nor spreads the strata less evenly.
  bool harmless(const Move& move) {
    const auto made = change(move);
    return made.penalty < kRounding && made.spread < kRounding;
  }

  // Works the penalty down; false when some is left.
  bool repair(Random& random, Pace& pace);

 private:
  static constexpr double kRounding = 1e-9;
  struct Bounds {
    double min = 0;
    double max = 0;
  };
  double local_penalty(const Move& move, std::uint32_t from) const;
  double local_spread(const Move& move, std::uint32_t from);
  void shift(std::uint32_t block, std::uint32_t from, std::uint32_t to);
  double total_penalty() const;

  const Problem& problem_;
  const Rules& rules_;
  std::size_t groups_;
  bool impossible_ = false;
  std::vector<Block> blocks_;
  std::vector<Bounds> size_bounds_;
  std::vector<Bounds> volume_bounds_;
  double volume_unit_ = 1;
  std::vector<std::uint32_t> apart_most_;

  std::vector<std::uint32_t> group_of_block_;
  std::vector<double> size_;
  std::vector<double> volume_;
  std::vector<std::uint32_t> apart_count_;  // sets × groups
  double penalty_ = 0;

  // Strata: of each factor, levels × groups.
  std::vector<std::vector<double>> level_count_;
  std::vector<std::vector<double>> level_expected_;
  std::vector<std::uint32_t> levels_met_;
};

}  // namespace saola::split
