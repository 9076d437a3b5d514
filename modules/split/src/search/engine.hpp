// The search over a state (Moments or Distances): exchange passes and what is built of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "search/layout.hpp"
#include "search/margins.hpp"
#include "search/pace.hpp"
#include "search/random.hpp"

namespace saola::split {

// What an assignment costs; the smaller, the better.
struct Best {
  std::vector<std::uint32_t> group_at;
  double cost = 0;
};

template <typename State>
class Engine {
 public:
  static constexpr std::uint32_t kNear = 64;

  // `window`: how many positions around its own are tried as a unit's partners; 0: all of its
  // stratum.
  // `near`: likewise of pairs that are drawn at random.
  // `margins`, when given, forbids exchanges that spread the strata less evenly.
  Engine(State& state, const Layout& layout, std::uint32_t window, Pace& pace,
         Margins* margins = nullptr, std::uint32_t near = kNear)
      : state_(state),
        layout_(layout),
        window_(window),
        near_(near),
        pace_(pace),
        margins_(margins) {
    if (margins_ != nullptr) margins_->assign(layout_.stratum_at, state_.group_at());
    checked_.assign(state_.positions(), 0);
    for (const auto g : state_.group_at()) {
      if (g >= touched_.size()) touched_.resize(g + 1, 1);
    }
  }

  // Goes on from another assignment with the same spread of the strata. False when `pace` stopped it.
  bool restart_from(const std::vector<std::uint32_t>& group_at) {
    if (!state_.assign(group_at, pace_)) return false;
    if (margins_ != nullptr) margins_->assign(layout_.stratum_at, group_at);
    std::fill(touched_.begin(), touched_.end(), ++now_);
    return true;
  }

  // One pass over all units, each swapped with its best partner in another group. False when
  // nothing improved, or `pace` said stop.
  bool exchange() {
    const auto before = swaps_;
    for (const auto& stratum : layout_.strata) {
      for (std::uint32_t i = stratum.begin; i < stratum.end; ++i) {
        if (!improve(i, around(i, stratum, window_))) return false;
      }
    }
    return swaps_ != before;
  }

  // Passes until none improves.
  void local_maximum() {
    while (exchange()) {
    }
  }

  // Swaps `pairs` near pairs whatever that does to the cost; fewer when they were of the same group.
  void disturb(Random& random, std::uint32_t pairs) {
    for (std::uint32_t n = 0; n < pairs; ++n) {
      const auto [i, j] = near_pair(random);
      if (state_.group(i) != state_.group(j)) exchange_if_allowed(i, j);
    }
    pace_.step(pairs);
  }

  // Swaps positions i and j if the strata stay as well spread. REQUIRES: in different groups.
  void exchange_if_allowed(std::uint32_t i, std::uint32_t j) {
    if (allowed(i, j)) swap(i, j);
  }

  // Takes the state's assignment for `best` if it is better.
  void keep_better(Best& best) {
    if (state_.cost() < best.cost) best = {state_.group_at(), state_.cost()};
  }

  // From a local maximum, until `work` is done: disturbs a few units, improves again, and goes on
  // from there if that was not much worse than the best (iterated local search, Lourenço 2003); for
  // a negative cost: only if it was better.
  // The state ends anywhere, `best` with the best seen. `told` hears the part done, 0 … 1.
  template <typename Told>
  void iterate(Random& random, std::uint64_t work, Best& best, Told&& told) {
    constexpr std::uint32_t kDisturbed = 3;
    constexpr double kMuchWorse = 1.2;
    const auto start = pace_.work();
    while (!pace_.stopped() && pace_.work() - start < work) {
      told(static_cast<double>(pace_.work() - start) / static_cast<double>(work));
      disturb(random, kDisturbed);
      local_maximum();
      keep_better(best);
      if (state_.cost() > kMuchWorse * best.cost && !restart_from(best.group_at)) return;
    }
  }

  // Tries random units with runs of others, taking changes for the worse up to a threshold that falls
  // while `work` is done (threshold accepting, Dueck and Scheuer 1990).
  template <typename Told>
  void anneal(Random& random, std::uint64_t work, Told&& told) {
    constexpr int kStages = 64;
    double threshold = kFirstThreshold * usual_change(random);
    const auto start = pace_.work();
    for (int stage = 0; stage < kStages; ++stage) {
      told(static_cast<double>(stage) / kStages);
      const auto end = start + work / kStages * static_cast<std::uint64_t>(stage + 1);
      while (pace_.work() < end) {
        if (try_run(random, threshold)) return;
      }
      threshold *= kCooling;
    }
  }

  std::uint64_t trials() const { return trials_; }
  std::uint64_t swaps() const { return swaps_; }

 private:
  // Of the usual change of a random swap; found by trial.
  static constexpr double kFirstThreshold = 0.1;
  // A tenth in 64 stages.
  static constexpr double kCooling = 0.9646616199111993;

  static Range around(std::uint32_t i, Range stratum, std::uint32_t window) {
    if (window == 0 || window >= stratum.size()) return stratum;
    // Shifted at the ends, so that every unit has as many candidates.
    const auto half = window / 2;
    const auto begin = i - stratum.begin < half ? stratum.begin : i - half;
    const auto shifted = std::min(begin, stratum.end - window);
    return {shifted, shifted + window};
  }

  std::pair<std::uint32_t, std::uint32_t> near_pair(Random& random) {
    const auto i = random.below(static_cast<std::uint32_t>(state_.positions()));
    const auto near = near_of(i);
    return {i, near.begin + random.below(near.size())};
  }

  Range near_of(std::uint32_t i) const {
    return around(i, layout_.strata[layout_.strata.size() == 1 ? 0 : layout_.stratum_at[i]], near_);
  }

  // Swaps a random unit with the first of a run of near ones that changes the cost by less than
  // `threshold`. True when `pace` said stop.
  bool try_run(Random& random, double threshold) {
    constexpr std::uint32_t kRun = 128;
    const auto [i, first] = near_pair(random);
    const auto near = near_of(i);
    const auto length = std::min(kRun, near.size());
    const bool prepared = state_.worth_preparing(length);
    if (prepared) state_.prepare(i);
    const auto group = state_.group(i);
    std::uint32_t tried = 0;
    std::uint32_t partner = i;
    for (std::uint32_t j = first; tried < length && partner == i; ++tried) {
      if (state_.group(j) != group && (!prepared || state_.can_beat(j, threshold))) {
        const double delta = prepared ? state_.delta(j) : state_.delta(i, j);
        if (delta < threshold && allowed(i, j)) partner = j;
      }
      if (++j == near.end) j = near.begin;
    }
    trials_ += tried;
    if (partner != i) swap(i, partner);
    return pace_.step(prepared ? state_.prepare_work() + tried * state_.trial_work()
                               : tried * state_.random_trial_work());
  }

  // The mean size of the change that swapping two near units of different groups makes.
  double usual_change(Random& random) {
    constexpr int kSample = 1000;
    double sum = 0;
    int count = 0;
    for (int n = 0; n < kSample; ++n) {
      const auto [i, j] = near_pair(random);
      if (state_.group(i) == state_.group(j)) continue;
      sum += std::abs(state_.delta(i, j));
      ++count;
    }
    return count == 0 ? 0 : sum / count;
  }

  bool allowed(std::uint32_t i, std::uint32_t j) const {
    return margins_ == nullptr || margins_->allows(layout_.stratum_at[i], layout_.stratum_at[j],
                                                   state_.group(i), state_.group(j));
  }

  void swap(std::uint32_t i, std::uint32_t j) {
    if (margins_ != nullptr) {
      margins_->exchange(layout_.stratum_at[i], layout_.stratum_at[j], state_.group(i),
                         state_.group(j));
    }
    touched_[state_.group(i)] = touched_[state_.group(j)] = ++now_;
    state_.swap(i, j);
    ++swaps_;
    pace_.step(state_.swap_work());
  }

  // False when `pace` said stop.
  bool improve(std::uint32_t i, Range candidates) {
    if (checked_[i] == now_) return !pace_.step(1);
    // Preparing costs something for every group: not worth it when there are more of them than
    // candidates.
    const bool prepared = state_.worth_preparing(candidates.size());
    if (prepared) state_.prepare(i);
    const auto group = state_.group(i);
    // What changed since no partner was good enough; a swap's effect depends on the two groups only.
    const auto since = touched_[group] > checked_[i] ? 0 : checked_[i];
    double best = -state_.tolerance();
    std::uint32_t partner = i;
    for (std::uint32_t j = candidates.begin; j < candidates.end; ++j) {
      if (state_.group(j) == group || touched_[state_.group(j)] <= since) continue;
      if (prepared && !state_.can_beat(j, best)) continue;
      const double delta = prepared ? state_.delta(j) : state_.delta(i, j);
      if (delta < best && allowed(i, j)) {
        best = delta;
        partner = j;
      }
    }
    trials_ += candidates.size();
    if (partner != i) {
      swap(i, partner);
    } else {
      checked_[i] = now_;
    }
    const auto work = prepared ? state_.prepare_work() + candidates.size() * state_.trial_work()
                               : candidates.size() * state_.random_trial_work();
    return !pace_.step(work);
  }

  State& state_;
  const Layout& layout_;
  const std::uint32_t window_;
  const std::uint32_t near_;
  Pace& pace_;
  Margins* const margins_;
  std::uint64_t trials_ = 0;
  std::uint64_t swaps_ = 0;
  // Counts changes of the groups: when each was changed last, and when a position had no good partner.
  std::uint32_t now_ = 1;
  std::vector<std::uint32_t> touched_;
  std::vector<std::uint32_t> checked_;
};

}  // namespace saola::split
