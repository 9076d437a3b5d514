// A counting semaphore, FIFO.
//
//   Semaphore downloads(8);          // at most eight at one time
//   …
//   if (!downloads.acquire(Deadline::after(5s))) return busy();
//   download(url);
//   downloads.release();
//
// In a select() on_acquire() waits for a permit.
#pragma once

#include <cstdint>

#include <saola/runtime/park.hpp>

namespace saola::runtime {

namespace detail {
class SemaphoreBranch;
}

// Permits that tasks take and give back. A permit has no owner: any task or thread may release it,
// so it also counts things: each release() is one that has come, each acquire() takes one. What
// happened before release() is visible to whoever takes that permit. REQUIRES: nobody waits when it
// is destroyed.
class Semaphore {
 public:
  // REQUIRES: permits ≥ 0.
  explicit Semaphore(std::int64_t permits) : permits_(permits) {}

  // Takes one permit, waiting for its turn. SUSPENDS; false at the deadline; throws Cancelled. A
  // permit that is there is taken also at a deadline that has passed, and by a cancelled task.
  bool acquire(Deadline deadline = Deadline::never());
  // Takes a permit if one is there now. Never suspends.
  bool try_acquire();
  // Gives `count` permits back. The longest waiters get theirs at once, before any newcomer. Never
  // suspends; any thread.
  void release(std::int64_t count = 1);
  // Permits there now, for reports: old news when it returns.
  std::int64_t available() const;

 private:
  friend class detail::SemaphoreBranch;
  mutable SpinLock guard_;
  std::int64_t permits_;                     // GUARDED_BY(guard_)
  WaitQueue waiters_{WaitKind::kSemaphore};  // GUARDED_BY(guard_)
};

}  // namespace saola::runtime
