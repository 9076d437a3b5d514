#include "constraints/allotment.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <saola/split/split.hpp>

namespace saola::split {
namespace {

// Union-find with path halving.
class Sets {
 public:
  explicit Sets(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), 0U);
  }
  std::uint32_t find(std::uint32_t x) {
    while (parent_[x] != x) x = parent_[x] = parent_[parent_[x]];
    return x;
  }
  // The smaller number stays, so that blocks are in the order of their first units.
  void join(std::uint32_t a, std::uint32_t b) {
    a = find(a);
    b = find(b);
    if (a != b) parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::uint32_t> parent_;
};

double outside(double value, double min, double max) {
  return value < min ? min - value : value > max ? value - max : 0;
}

}  // namespace

Allotment::Allotment(const Problem& problem, const Rules& rules,
                     std::span<const std::uint32_t> active)
    : problem_(problem), rules_(rules), groups_(problem.sizes.size()) {
  const auto rows = static_cast<std::uint32_t>(problem.rows);
  Sets sets(rows);
  for (const auto i : active) {
    const auto& rule = rules.rules[i];
    if (rule.kind != Rule::Kind::kTogether) continue;
    for (const auto u : rule.units) sets.join(rule.units.front(), u);
  }
  std::vector<std::uint32_t> block_of_unit(rows);
  std::vector<std::uint32_t> all(groups_);
  std::iota(all.begin(), all.end(), 0U);
  for (std::uint32_t u = 0; u < rows; ++u) {
    const auto root = sets.find(u);
    if (root == u) {
      block_of_unit[u] = static_cast<std::uint32_t>(blocks_.size());
      blocks_.push_back({{}, all, {}, 0});
    }
    block_of_unit[u] = block_of_unit[root];
    auto& block = blocks_[block_of_unit[u]];
    block.units.push_back(u);
    if (!rules.volume.empty()) block.volume += rules.volume[u];
  }
  size_bounds_.assign(groups_, {0, static_cast<double>(rows)});
  const double volume = std::accumulate(rules.volume.begin(), rules.volume.end(), 0.0);
  volume_bounds_.assign(groups_, {0, volume});
  // Missing one average unit's volume is as bad as missing one unit.
  if (volume > 0) volume_unit_ = volume / rows;
  for (const auto i : active) {
    const auto& rule = rules.rules[i];
    switch (rule.kind) {
      case Rule::Kind::kAllowed: {
        auto& allowed = blocks_[block_of_unit[rule.units.front()]].allowed;
        std::erase_if(allowed, [&](std::uint32_t g) {
          return std::find(rule.groups.begin(), rule.groups.end(), g) == rule.groups.end();
        });
        impossible_ = impossible_ || allowed.empty();
        break;
      }
      case Rule::Kind::kApart: {
        const auto set = static_cast<std::uint32_t>(apart_most_.size());
        apart_most_.push_back(rule.most);
        std::map<std::uint32_t, std::uint32_t> counts;
        for (const auto u : rule.units) ++counts[block_of_unit[u]];
        for (const auto& [block, count] : counts) {
          blocks_[block].apart.emplace_back(set, count);
          impossible_ = impossible_ || count > rule.most;
        }
        impossible_ = impossible_ || rule.units.size() > std::size_t{rule.most} * groups_;
        break;
      }
      case Rule::Kind::kSize:
        size_bounds_[rule.groups.front()] = {rule.min, rule.max};
        break;
      case Rule::Kind::kVolume:
        volume_bounds_[rule.groups.front()] = {rule.min, rule.max};
        break;
      case Rule::Kind::kTogether:
        break;
    }
  }
  for (const auto& factor : problem.factors) {
    const auto levels = *std::max_element(factor.begin(), factor.end()) + 1;
    std::vector<double> sizes(levels);
    for (const auto s : problem.stratum) ++sizes[factor[s]];
    std::vector<double> expected;
    for (const double n : sizes) {
      for (const auto group : problem.sizes) expected.push_back(n * group / rows);
    }
    level_count_.emplace_back(expected.size());
    level_expected_.push_back(std::move(expected));
  }
}

bool Allotment::may(std::uint32_t block, std::uint32_t group) const {
  const auto& allowed = blocks_[block].allowed;
  return allowed.size() == groups_ || std::binary_search(allowed.begin(), allowed.end(), group);
}

std::vector<std::uint32_t> Allotment::group_of_unit() const {
  std::vector<std::uint32_t> out(problem_.rows);
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    for (const auto u : blocks_[b].units) out[u] = group_of_block_[b];
  }
  return out;
}

void Allotment::place(Random& random) {
  std::vector<std::uint32_t> order(blocks_.size());
  std::iota(order.begin(), order.end(), 0U);
  random.shuffle(order);
  // The largest, and those that may be in few groups, first.
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const auto choice = [&](std::uint32_t i) {
      return std::pair(blocks_[i].allowed.size(), problem_.rows - blocks_[i].units.size());
    };
    return choice(a) < choice(b);
  });
  std::vector<std::uint32_t> group_of_unit(problem_.rows, 0);
  std::vector<double> room;
  for (const auto size : problem_.sizes) room.push_back(size);
  std::vector<std::uint32_t> apart(apart_most_.size() * groups_);
  const auto take = [&](std::uint32_t b, std::uint32_t g) {
    for (const auto u : blocks_[b].units) group_of_unit[u] = g;
    room[g] -= static_cast<double>(blocks_[b].units.size());
    for (const auto& [set, count] : blocks_[b].apart) apart[set * groups_ + g] += count;
  };
  std::vector<std::uint32_t> rest;
  for (const auto b : order) {
    const auto wanted = rules_.start.empty() ? kNoGroup : rules_.start[blocks_[b].units.front()];
    if (wanted != kNoGroup && may(b, wanted)) {
      take(b, wanted);
    } else {
      rest.push_back(b);
    }
  }
  for (const auto b : rest) {
    std::uint32_t best = blocks_[b].allowed.front();
    double best_room = -INFINITY;
    for (const auto g : blocks_[b].allowed) {
      double free = room[g] + 1e-6 * random.below(1000);
      for (const auto& [set, count] : blocks_[b].apart) {
        if (apart[set * groups_ + g] + count > apart_most_[set]) free -= problem_.rows;
      }
      // Relative, so that small groups are not filled last.
      const double value = free >= 0 ? free / problem_.sizes[g] : free;
      if (value > best_room) {
        best_room = value;
        best = g;
      }
    }
    take(b, best);
  }
  assign(group_of_unit);
}

void Allotment::assign(std::span<const std::uint32_t> group_of_unit) {
  group_of_block_.resize(blocks_.size());
  size_.assign(groups_, 0);
  volume_.assign(groups_, 0);
  apart_count_.assign(apart_most_.size() * groups_, 0);
  for (auto& count : level_count_) std::fill(count.begin(), count.end(), 0);
  for (std::uint32_t b = 0; b < blocks_.size(); ++b) {
    const auto g = group_of_unit[blocks_[b].units.front()];
    group_of_block_[b] = g;
    size_[g] += static_cast<double>(blocks_[b].units.size());
    volume_[g] += blocks_[b].volume;
    for (const auto& [set, count] : blocks_[b].apart) apart_count_[set * groups_ + g] += count;
    for (std::size_t f = 0; f < level_count_.size(); ++f) {
      for (const auto u : blocks_[b].units) {
        ++level_count_[f][problem_.factors[f][problem_.stratum[u]] * groups_ + g];
      }
    }
  }
  penalty_ = total_penalty();
}

double Allotment::total_penalty() const {
  double total = 0;
  for (std::size_t g = 0; g < groups_; ++g) {
    total += outside(size_[g], size_bounds_[g].min, size_bounds_[g].max);
    total += outside(volume_[g], volume_bounds_[g].min, volume_bounds_[g].max) / volume_unit_;
    for (std::size_t s = 0; s < apart_most_.size(); ++s) {
      const auto count = apart_count_[s * groups_ + g];
      total += count > apart_most_[s] ? count - apart_most_[s] : 0;
    }
  }
  return total;
}

// What of the penalty a move between `from` and move.to can change.
double Allotment::local_penalty(const Move& move, std::uint32_t from) const {
  double total = 0;
  for (const auto g : {from, move.to}) {
    total += outside(size_[g], size_bounds_[g].min, size_bounds_[g].max);
    total += outside(volume_[g], volume_bounds_[g].min, volume_bounds_[g].max) / volume_unit_;
    const auto apart = [&](std::uint32_t block) {
      for (const auto& [set, unused] : blocks_[block].apart) {
        const auto count = apart_count_[set * groups_ + g];
        total += count > apart_most_[set] ? count - apart_most_[set] : 0;
      }
    };
    apart(move.b);
    if (move.c != kNoBlock) {
      for (const auto& [set, unused] : blocks_[move.c].apart) {
        const auto& other = blocks_[move.b].apart;
        const bool met = std::any_of(other.begin(), other.end(),
                                     [&, s = set](const auto& item) { return item.first == s; });
        if (met) continue;
        const auto count = apart_count_[set * groups_ + g];
        total += count > apart_most_[set] ? count - apart_most_[set] : 0;
      }
    }
  }
  return total;
}

double Allotment::local_spread(const Move& move, std::uint32_t from) {
  double total = 0;
  for (std::size_t f = 0; f < level_count_.size(); ++f) {
    levels_met_.clear();
    const auto meet = [&](std::uint32_t block) {
      for (const auto u : blocks_[block].units) {
        levels_met_.push_back(problem_.factors[f][problem_.stratum[u]]);
      }
    };
    meet(move.b);
    if (move.c != kNoBlock) meet(move.c);
    std::sort(levels_met_.begin(), levels_met_.end());
    levels_met_.erase(std::unique(levels_met_.begin(), levels_met_.end()), levels_met_.end());
    for (const auto level : levels_met_) {
      for (const auto g : {from, move.to}) {
        const auto i = level * groups_ + g;
        const double off = level_count_[f][i] - level_expected_[f][i];
        total += off * off;
      }
    }
  }
  return total;
}

void Allotment::shift(std::uint32_t b, std::uint32_t from, std::uint32_t to) {
  const auto& block = blocks_[b];
  group_of_block_[b] = to;
  const auto rows = static_cast<double>(block.units.size());
  size_[from] -= rows;
  size_[to] += rows;
  volume_[from] -= block.volume;
  volume_[to] += block.volume;
  for (const auto& [set, count] : block.apart) {
    apart_count_[set * groups_ + from] -= count;
    apart_count_[set * groups_ + to] += count;
  }
  for (std::size_t f = 0; f < level_count_.size(); ++f) {
    for (const auto u : block.units) {
      const auto level = problem_.factors[f][problem_.stratum[u]];
      --level_count_[f][level * groups_ + from];
      ++level_count_[f][level * groups_ + to];
    }
  }
}

void Allotment::apply(const Move& move) {
  const auto from = group_of_block_[move.b];
  const double before = local_penalty(move, from);
  shift(move.b, from, move.to);
  if (move.c != kNoBlock) shift(move.c, move.to, from);
  penalty_ += local_penalty(move, from) - before;
}

Allotment::Change Allotment::change(const Move& move) {
  const auto from = group_of_block_[move.b];
  Change made{-local_penalty(move, from), -local_spread(move, from)};
  shift(move.b, from, move.to);
  if (move.c != kNoBlock) shift(move.c, move.to, from);
  made.penalty += local_penalty(move, from);
  made.spread += local_spread(move, from);
  shift(move.b, move.to, from);
  if (move.c != kNoBlock) shift(move.c, from, move.to);
  return made;
}

bool Allotment::repair(Random& random, Pace& pace) {
  const auto count = static_cast<std::uint32_t>(blocks_.size());
  const std::uint64_t limit = 5'000 + 100 * std::uint64_t{count};
  constexpr std::uint32_t kPartners = 24;
  for (std::uint64_t step = 0; !feasible() && step < limit; ++step) {
    const auto b = random.below(count);
    // Now and then whatever comes, to leave a place that no better one is next to.
    const bool any = random.below(50) == 0;
    Move best;
    double best_cost = any ? INFINITY : kRounding;
    const auto consider = [&](const Move& move) {
      const auto made = change(move);
      constexpr double kSpread = 1e-4;
      const double cost = made.penalty + kSpread * made.spread + 1e-7 * random.below(1000);
      if (cost < best_cost) {
        best_cost = cost;
        best = move;
      }
    };
    for (const auto g : blocks_[b].allowed) {
      if (g != group_of_block_[b]) consider({b, kNoBlock, g});
    }
    for (std::uint32_t n = 0; n < std::min(kPartners, count); ++n) {
      const auto c = random.below(count);
      const auto to = group_of_block_[c];
      if (to == group_of_block_[b] || !may(b, to) || !may(c, group_of_block_[b])) continue;
      consider({b, c, to});
    }
    if (best.b != kNoBlock) apply(best);
    if (pace.step(200 * (kPartners + groups_))) break;
  }
  // Rounding of many volumes adds up.
  penalty_ = total_penalty();
  return feasible();
}

}  // namespace saola::split
