// SeededOrder: whom a loop runs next, and when it loses itself to a theft, by a seed. What
// saola::testing::SeededSchedule stands on.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <random>
#include <vector>

namespace saola::runtime {
struct RuntimeOptions;
}

namespace saola::runtime::detail {

// One for each Loop that is made while a Seeds lives. Touched by the loop's owner.
class SeededOrder {
 public:
  // `slices_per_theft`: one slice in about so many is stolen from the loop as it begins; 0: none.
  SeededOrder(std::uint64_t seed, int slices_per_theft)
      : random_(seed), slices_per_theft_(slices_per_theft) {}

  // Which of `ready` fibers, at least one.
  std::size_t choose(std::uint64_t ready) { return random_() % ready; }
  // The fiber that was chosen, by its task's id. True: its slice is to be stolen.
  bool picked(std::uint64_t task) {
    if (trace_.empty()) first_ = task;
    trace_.push_back(task - first_);
    return slices_per_theft_ > 0 && random_() % static_cast<std::uint64_t>(slices_per_theft_) == 0;
  }
  // Who ran, slice by slice: ids of tasks, counted from that of the first.
  const std::vector<std::uint64_t>& trace() const { return trace_; }

 private:
  std::mt19937_64 random_;
  const int slices_per_theft_;
  std::uint64_t first_ = 0;
  std::vector<std::uint64_t> trace_;
};

// The seed of all loops that are made while it lives.
class Seeds {
 public:
  // REQUIRES: no other Seeds.
  Seeds(std::uint64_t seed, int slices_per_theft);
  // REQUIRES: no Runtime that was made while it lived.
  ~Seeds();
  Seeds(const Seeds&) = delete;
  Seeds& operator=(const Seeds&) = delete;

  // For a new loop: null when there is no Seeds.
  static SeededOrder* for_new_loop(const RuntimeOptions& options);
  // Of all loops, one after the other. REQUIRES: none is running.
  std::vector<std::uint64_t> trace() const;

 private:
  static std::atomic<Seeds*> current_;

  const std::uint64_t seed_;
  const int slices_per_theft_;
  mutable std::mutex mutex_;
  std::deque<SeededOrder> orders_;  // GUARDED_BY(mutex_)
};

}  // namespace saola::runtime::detail
