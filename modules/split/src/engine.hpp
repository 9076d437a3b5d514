// The search over a state (Moments or Distances): exchange passes and what is built of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <saola/split/options.hpp>

#include "layout.hpp"
#include "pace.hpp"
#include "random.hpp"

namespace saola::split {

template <typename State>
class Engine {
 public:
  // `window`: how many positions around a unit's own are tried as partners; 0: all.
  Engine(State& state, const Layout& layout, std::uint32_t window, Pace& pace)
      : state_(state), layout_(layout), window_(window), pace_(pace) {}

  // One pass over all units, each swapped with its best partner. False when nothing improved or
  // `pace` said stop.
  bool exchange() { return exchange(window_); }

  bool exchange(std::uint32_t window) {
    const auto before = swaps_;
    for (const auto& stratum : layout_.strata) {
      for (std::uint32_t i = stratum.begin; i < stratum.end; ++i) {
        if (!improve(i, around(i, stratum, window))) return false;
      }
    }
    return swaps_ != before;
  }

  std::uint64_t trials() const { return trials_; }
  std::uint64_t swaps() const { return swaps_; }

 private:
  static Range around(std::uint32_t i, Range stratum, std::uint32_t window) {
    if (window == 0 || window >= stratum.size()) return stratum;
    // Shifted at the ends, so that every unit has the same number of candidates.
    const auto half = window / 2;
    const auto begin = i - stratum.begin < half ? stratum.begin : i - half;
    const auto shifted = std::min(begin, stratum.end - window);
    return {shifted, shifted + window};
  }

  bool improve(std::uint32_t i, Range candidates) {
    state_.prepare(i);
    const auto group = state_.group(i);
    const double needed = -state_.tolerance();
    double best = needed;
    std::uint32_t partner = i;
    for (std::uint32_t j = candidates.begin; j < candidates.end; ++j) {
      if (state_.group(j) == group || !state_.can_beat(j, best)) continue;
      const double delta = state_.delta(j);
      if (delta < best) {
        best = delta;
        partner = j;
      }
    }
    trials_ += candidates.size();
    if (partner != i) {
      state_.swap(i, partner);
      ++swaps_;
      if (pace_.step(state_.swap_work())) return false;
    }
    return !pace_.step(candidates.size() * state_.trial_work());
  }

  State& state_;
  const Layout& layout_;
  std::uint32_t window_;
  Pace& pace_;
  std::uint64_t trials_ = 0;
  std::uint64_t swaps_ = 0;
};

}  // namespace saola::split
