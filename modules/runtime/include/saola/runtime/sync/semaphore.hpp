// A counting semaphore, FIFO.
#pragma once

#include <cstdint>

#include <saola/runtime/park.hpp>

namespace saola::runtime {

namespace detail {
class SemaphoreBranch;
}

class Semaphore {
 public:
  explicit Semaphore(std::int64_t permits) : permits_(permits) {}

  // Takes one permit; false at the deadline; throws Cancelled. SUSPENDS.
  bool acquire(Deadline deadline = Deadline::never());
  bool try_acquire();
  // Gives `count` permits back; a waiter gets one before any newcomer.
  void release(std::int64_t count = 1);
  std::int64_t available() const;

 private:
  friend class detail::SemaphoreBranch;
  mutable SpinLock guard_;
  std::int64_t permits_;                     // GUARDED_BY(guard_)
  WaitQueue waiters_{WaitKind::kSemaphore};  // GUARDED_BY(guard_)
};

}  // namespace saola::runtime
