// A place where a fixed number of tasks wait for each other, again and again.
//
//   Barrier barrier(workers);
//   …in each worker:
//   for (int round = 0; round < rounds; ++round) {
//     compute(round);
//     if (!barrier.arrive_and_wait(Deadline::never())) return;  // another worker gave up
//   }
#pragma once

#include <cstddef>
#include <cstdint>

#include <saola/base/error.hpp>
#include <saola/runtime/sync/condition.hpp>
#include <saola/runtime/sync/mutex.hpp>

namespace saola::runtime {

// Python's threading.Barrier: rounds of a computation in `parties` tasks. What each did before it
// arrived is visible to all after the round.
//
// If one of those who wait gives up (deadline, cancel) the others could wait for ever: so the
// barrier breaks, and their wait and every later one fails, until reset().
class Barrier {
 public:
  // REQUIRES: parties > 0.
  explicit Barrier(std::size_t parties);

  // Waits until `parties` tasks have called it. The place of arrival in this round, from 0; the one
  // who gets 0 may do what is to be done once:
  //
  //   const auto place = barrier.arrive_and_wait();
  //   if (place && *place == 0) swap_buffers();
  //
  // kTimedOut, kCancelled: this task has given up and so has broken the barrier; kClosed: the
  // barrier is broken. SUSPENDS.
  Result<std::size_t> arrive_and_wait(Deadline deadline = Deadline::never());
  // Breaks it: those who wait, and all who come, get kClosed.
  void abort();
  // Whole again, nobody has arrived; those who still wait get kClosed.
  void reset();
  bool broken() const;
  // How many wait now.
  std::size_t waiting() const;

 private:
  const std::size_t parties_;
  mutable Mutex mutex_;
  // All GUARDED_BY(mutex_).
  Condition changed_{WaitKind::kBarrier};
  std::size_t arrived_ = 0;
  std::uint64_t round_ = 0;   // grows when a round is complete
  std::uint64_t breaks_ = 0;  // grows when a round is broken
  bool broken_ = false;
};

}  // namespace saola::runtime
