// Three-phase search with dynamic population size (Yang, Cai, Jin, Tang and Gao 2022, European Journal of
// Operational Research 302), for any objective: a population of local maxima is disturbed at random,
// crossed, and disturbed where it is weakest, while it and the disturbances shrink.
// Unlike there, groups keep their sizes and shares of the strata, and the schedule follows work done
// instead of time, so that the answer is the same on any machine.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "search/engine.hpp"

namespace saola::split {

template <typename State>
class ThreePhase {
 public:
  // `state` holds the first of the population. Each group keeps its size, and its share of each stratum.
  ThreePhase(State& state, Engine<State>& engine, const Layout& layout, Random& random, Pace& pace)
      : state_(state), engine_(engine), layout_(layout), random_(random), pace_(pace) {
    for (const auto g : state_.group_at()) groups_ = std::max(groups_, g + 1);
  }

  // `start()` makes one more of the population. Until `work` is done; the state ends anywhere, `best`
  // with the best seen. `told` hears the part done, 0 … 1.
  template <typename Start, typename Told>
  void run(std::uint64_t work, Best& best, Start&& start, Told&& told) {
    constexpr std::size_t kMost = 15;
    const auto begin = pace_.work();
    const auto part = [&] {
      const double done = static_cast<double>(pace_.work() - begin) / static_cast<double>(work);
      told(std::min(done, 1.0));
      return done;
    };
    // A good part of a short search would go into the first of a large population.
    while (population_.size() < kMost && part() < kFirstPart) {
      if (!population_.empty() && !engine_.restart_from(start())) return;
      population_.emplace_back();
      if (!climb(population_.back(), best)) return;
    }
    const bool small = state_.positions() <= kSmall;
    for (double done = part(); done < 1; done = part()) {
      const double strength = small ? 1.2 - 1.1 * done : 2 - done;
      const auto pairs = static_cast<std::uint32_t>(
          std::max(strength * static_cast<double>(state_.positions()) / groups_, 3.0));
      if (!disturb(pairs, best) || !cross(best) || !direct(best)) return;
      std::stable_sort(population_.begin(), population_.end(),
                       [](const Member& a, const Member& b) { return a.cost < b.cost; });
      const double least = small ? 2 : 1;
      const auto left = least + (static_cast<double>(kMost) - least) * (1 - part()) * (1 - part());
      if (population_.size() > static_cast<std::size_t>(left)) {
        population_.resize(static_cast<std::size_t>(left));
      }
    }
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr double kFirstPart = 0.1;
  static constexpr std::size_t kSmall = 400;

  struct Member {
    std::vector<std::uint32_t> group_at;
    double cost = 0;
    std::vector<double> worth;  // of each position in its group
  };

  // The state to its local maximum, which `one` becomes. False when `pace` stopped it.
  bool climb(Member& one, Best& best) {
    engine_.local_maximum();
    engine_.keep_better(best);
    one.group_at = state_.group_at();
    one.cost = state_.cost();
    one.worth.resize(one.group_at.size());
    for (std::size_t p = 0; p < one.worth.size(); ++p) {
      one.worth[p] = state_.worth(p, one.group_at[p]);
    }
    pace_.step(one.worth.size() * 4);
    return !pace_.stopped();
  }

  bool disturb(std::uint32_t pairs, Best& best) {
    for (auto& one : population_) {
      if (!engine_.restart_from(one.group_at)) return false;
      engine_.disturb(random_, pairs);
      if (!climb(one, best)) return false;
    }
    return true;
  }

  // Each with another: their child takes its place if it is better, or not much worse and different.
  bool cross(Best& best) {
    const auto count = static_cast<std::uint32_t>(population_.size());
    if (count < 2) return true;
    std::vector<Member> children(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      auto other = random_.below(count - 1);
      other += other >= i ? 1 : 0;
      if (!engine_.restart_from(child_of(population_[i], population_[other]))) return false;
      if (!climb(children[i], best)) return false;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      constexpr double kDifferent = 0.05;
      auto& one = population_[i];
      auto& child = children[i];
      // Costs that are maximised have their signs turned.
      const double ratio = child.cost < 0 ? child.cost / one.cost : one.cost / child.cost;
      if (child.cost <= one.cost || ratio + kDifferent * groups_ * difference(child, one) > 1) {
        one = std::move(child);
      }
    }
    return true;
  }

  // Whole groups of either parent in turn, as coins say: those that are worth most; whoever is left, or
  // too many of a group or stratum, goes where there is room.
  std::vector<std::uint32_t> child_of(const Member& one, const Member& other) {
    const auto positions = state_.positions();
    const Member* const parents[2] = {&one, &other};
    std::vector<std::uint32_t> child(positions, kNone);
    std::vector<std::uint32_t> open(groups_);
    std::iota(open.begin(), open.end(), 0U);
    random_.shuffle(open);
    std::vector<std::uint32_t> size(groups_);
    for (const auto g : one.group_at) ++size[g];
    std::vector<double> worth(groups_);
    std::vector<std::uint32_t> members;
    for (std::uint32_t n = 0; n < groups_; ++n) {
      const auto& [parent, cost, worths] = *parents[random_.below(2)];
      // The parent's group whose members without a place yet are worth most.
      std::fill(worth.begin(), worth.end(), -std::numeric_limits<double>::infinity());
      for (std::size_t p = 0; p < positions; ++p) {
        if (child[p] != kNone) continue;
        auto& sum = worth[parent[p]];
        sum = std::isinf(sum) ? worths[p] : sum + worths[p];
      }
      const auto from =
          static_cast<std::uint32_t>(std::max_element(worth.begin(), worth.end()) - worth.begin());
      members.clear();
      for (std::uint32_t p = 0; p < positions; ++p) {
        if (parent[p] == from && child[p] == kNone) members.push_back(p);
      }
      // To the open group whose size is nearest.
      const auto to = std::min_element(open.begin(), open.end(), [&](auto a, auto b) {
        return misfit(size[a], members.size()) < misfit(size[b], members.size());
      });
      for (const auto p : members) child[p] = *to;
      open.erase(to);
    }
    repair(child, one.group_at);
    return child;
  }

  static std::size_t misfit(std::size_t size, std::size_t members) {
    return size > members ? size - members : members - size;
  }

  // Brings the numbers of each stratum in each group to those of `model`.
  void repair(std::vector<std::uint32_t>& child, const std::vector<std::uint32_t>& model) {
    const auto stratum = [&](std::size_t p) {
      return layout_.stratum_at.empty() ? 0 : layout_.stratum_at[p];
    };
    std::uint32_t strata = 1;
    for (const auto s : layout_.stratum_at) strata = std::max(strata, s + 1);
    std::vector<std::uint32_t> room(static_cast<std::size_t>(strata) * groups_);
    for (std::size_t p = 0; p < model.size(); ++p) ++room[stratum(p) * groups_ + model[p]];
    order_.resize(child.size());
    std::iota(order_.begin(), order_.end(), 0U);
    random_.shuffle(order_);
    std::vector<std::uint32_t> homeless;
    for (const auto p : order_) {
      auto* const left = child[p] == kNone ? nullptr : &room[stratum(p) * groups_ + child[p]];
      if (left != nullptr && *left > 0) {
        --*left;
      } else {
        homeless.push_back(p);
      }
    }
    std::vector<std::vector<std::uint32_t>> places(strata);
    for (std::uint32_t s = 0; s < strata; ++s) {
      for (std::uint32_t g = 0; g < groups_; ++g) {
        places[s].insert(places[s].end(), room[s * groups_ + g], g);
      }
      random_.shuffle(places[s]);
    }
    for (const auto p : homeless) {
      child[p] = places[stratum(p)].back();
      places[stratum(p)].pop_back();
    }
  }

  // The share of pairs that one has in a group and the other has not.
  double difference(const Member& a, const Member& b) {
    std::vector<double> both(static_cast<std::size_t>(groups_) * groups_);
    std::vector<double> first(groups_);
    std::vector<double> second(groups_);
    for (std::size_t p = 0; p < a.group_at.size(); ++p) {
      ++both[a.group_at[p] * groups_ + b.group_at[p]];
      ++first[a.group_at[p]];
      ++second[b.group_at[p]];
    }
    const auto pairs = [](const std::vector<double>& counts) {
      double sum = 0;
      for (const double n : counts) sum += n * (n - 1) / 2;
      return sum;
    };
    const auto positions = static_cast<double>(a.group_at.size());
    return (pairs(first) + pairs(second) - 2 * pairs(both)) / (positions * (positions - 1) / 2);
  }

  // Takes of each group the member that is worth least there, and deals these out again: group after
  // group, in a random order, gets the one that is worth most to it. Three times.
  bool direct(Best& best) {
    constexpr int kTimes = 3;
    for (auto& one : population_) {
      if (!engine_.restart_from(one.group_at)) return false;
      for (int n = 0; n < kTimes; ++n) deal();
      if (!climb(one, best)) return false;
    }
    return true;
  }

  void deal() {
    const auto& range =
        layout_.strata[random_.below(static_cast<std::uint32_t>(layout_.strata.size()))];
    std::vector<std::uint32_t> taken(groups_, kNone);  // the one that is in the group now
    std::vector<double> least(groups_, std::numeric_limits<double>::infinity());
    for (auto p = range.begin; p < range.end; ++p) {
      const auto g = state_.group(p);
      const double worth = state_.worth(p, g);
      if (worth >= least[g]) continue;
      least[g] = worth;
      taken[g] = p;
    }
    pace_.step(range.size() * 2);
    std::vector<std::uint32_t> open;
    for (std::uint32_t g = 0; g < groups_; ++g) {
      if (taken[g] != kNone) open.push_back(g);
    }
    random_.shuffle(open);
    for (std::size_t i = 0; i + 1 < open.size(); ++i) {
      const auto to = open[i];
      auto from = to;
      double most = -std::numeric_limits<double>::infinity();
      for (std::size_t k = i; k < open.size(); ++k) {
        // Its own group counts it among the members already, at a distance of 0.
        const double worth = state_.worth(taken[open[k]], to);
        if (worth <= most) continue;
        most = worth;
        from = open[k];
      }
      if (from == to) continue;
      engine_.exchange_if_allowed(taken[to], taken[from]);
      if (state_.group(taken[from]) == to) std::swap(taken[to], taken[from]);
    }
  }

  State& state_;
  Engine<State>& engine_;
  const Layout& layout_;
  Random& random_;
  Pace& pace_;
  std::uint32_t groups_ = 0;
  std::vector<Member> population_;
  std::vector<std::uint32_t> order_;
};

}  // namespace saola::split
