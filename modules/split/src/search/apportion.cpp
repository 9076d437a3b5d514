#include "search/apportion.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include <saola/base/check.hpp>

namespace saola::split {
namespace {

// The table of remainders, in units of 1/total: each row and column sums to a multiple of `total`,
// so none has exactly one cell strictly between 0 and `total`. While such an open cell exists, a
// closed walk over open cells, turning at each, can be shifted (+, -, +, …) until one closes.
class Rounding {
 public:
  Rounding(std::size_t strata, std::size_t groups, std::uint64_t total)
      : groups_(groups),
        total_(total),
        cells_(strata * groups),
        row_open_(strata),
        column_open_(groups),
        row_met_(strata, kNever),
        column_met_(groups, kNever) {}

  std::uint64_t& cell(std::size_t s, std::size_t g) { return cells_[s * groups_ + g]; }

  void index() {
    for (std::size_t s = 0; s < row_open_.size(); ++s) {
      for (std::size_t g = 0; g < groups_; ++g) {
        if (!open(s, g)) continue;
        row_open_[s].push_back(static_cast<std::uint32_t>(g));
        column_open_[g].push_back(static_cast<std::uint32_t>(s));
      }
    }
  }

  // Rounds every cell to 0 or `total`.
  void run(Random& random) {
    for (std::size_t s = 0; s < row_open_.size(); ++s) {
      while (first_open_group(s, groups_) != groups_) close_one(s, random);
    }
  }

 private:
  static constexpr std::size_t kNever = SIZE_MAX;
  struct Cell {
    std::size_t stratum;
    std::size_t group;
  };

  bool open(std::size_t s, std::size_t g) const {
    const auto value = cells_[s * groups_ + g];
    return value != 0 && value != total_;
  }

  // The first open group of stratum s other than `not_this`, or groups_. Closed ones are dropped.
  std::size_t first_open_group(std::size_t s, std::size_t not_this) {
    auto& list = row_open_[s];
    std::erase_if(list, [&](std::uint32_t g) { return !open(s, g); });
    for (const auto g : list) {
      if (g != not_this) return g;
    }
    return groups_;
  }

  // Likewise down a column; takes from the back, so that the cost is spread over the closings.
  std::size_t open_stratum(std::size_t g, std::size_t not_this) {
    auto& list = column_open_[g];
    while (!list.empty() && !open(list.back(), g)) list.pop_back();
    if (!list.empty() && list.back() != not_this) return list.back();
    for (std::size_t i = list.size(); i-- > 0;) {
      if (list[i] != not_this && open(list[i], g)) {
        std::swap(list[i], list.back());
        return list.back();
      }
    }
    SAOLA_CHECK(false, "a column with one open cell cannot sum to a whole number");
    return 0;
  }

  void close_one(std::size_t start, Random& random) {
    // Walk stratum → group → stratum … until a stratum or group is met again: the cells from its
    // first meeting on are a closed walk.
    walk_.clear();
    std::size_t from = 0;
    std::size_t s = start;
    std::size_t g = groups_;
    for (;;) {
      row_met_[s] = walk_.size();
      g = first_open_group(s, g);
      SAOLA_CHECK(g != groups_, "a row with one open cell cannot sum to a whole number");
      walk_.push_back({s, g});
      if (column_met_[g] != kNever) {
        from = column_met_[g];
        break;
      }
      column_met_[g] = walk_.size();
      s = open_stratum(g, s);
      walk_.push_back({s, g});
      if (row_met_[s] != kNever) {
        from = row_met_[s];
        break;
      }
    }
    for (const auto& met : walk_) {
      row_met_[met.stratum] = kNever;
      column_met_[met.group] = kNever;
    }
    const auto cycle = std::span(walk_).subspan(from);
    // Even cells rise by `up` while odd ones fall, or the other way by `down`.
    std::uint64_t up = total_;
    std::uint64_t down = total_;
    for (std::size_t i = 0; i < cycle.size(); ++i) {
      const auto value = cell(cycle[i].stratum, cycle[i].group);
      const auto room = total_ - value;
      up = std::min(up, i % 2 == 0 ? room : value);
      down = std::min(down, i % 2 == 0 ? value : room);
    }
    // Chances that keep every cell's expectation: Cox's unbiased rounding.
    const bool rise = random.next() % (up + down) < down;
    for (std::size_t i = 0; i < cycle.size(); ++i) {
      auto& value = cell(cycle[i].stratum, cycle[i].group);
      const bool add = (i % 2 == 0) == rise;
      value = add ? value + (rise ? up : down) : value - (rise ? up : down);
    }
  }

  std::size_t groups_;
  std::uint64_t total_;
  std::vector<std::uint64_t> cells_;
  std::vector<std::vector<std::uint32_t>> row_open_;
  std::vector<std::vector<std::uint32_t>> column_open_;
  // Position in the walk at which a stratum or group was met.
  std::vector<std::size_t> row_met_;
  std::vector<std::size_t> column_met_;
  std::vector<Cell> walk_;
};

}  // namespace

std::vector<std::uint32_t> apportion(std::span<const std::uint32_t> stratum_sizes,
                                     std::span<const std::uint32_t> group_sizes, Random& random) {
  const auto groups = group_sizes.size();
  const auto total = std::accumulate(group_sizes.begin(), group_sizes.end(), std::uint64_t{0});
  std::vector<std::uint32_t> counts(stratum_sizes.size() * groups);
  Rounding rounding(stratum_sizes.size(), groups, total);
  for (std::size_t s = 0; s < stratum_sizes.size(); ++s) {
    for (std::size_t g = 0; g < groups; ++g) {
      const auto exact = std::uint64_t{stratum_sizes[s]} * group_sizes[g];
      counts[s * groups + g] = static_cast<std::uint32_t>(exact / total);
      rounding.cell(s, g) = exact % total;
    }
  }
  rounding.index();
  rounding.run(random);
  for (std::size_t s = 0; s < stratum_sizes.size(); ++s) {
    for (std::size_t g = 0; g < groups; ++g) {
      if (rounding.cell(s, g) == total) ++counts[s * groups + g];
    }
  }
  return counts;
}

}  // namespace saola::split
