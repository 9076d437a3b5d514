// Waiting for a condition under a Mutex.
#pragma once

#include <mutex>

#include <saola/runtime/sync/mutex.hpp>

namespace saola::runtime {

namespace detail {
class ConditionBranch;
}

class Condition {
 public:
  Condition() : Condition(WaitKind::kCondition) {}
  // `kind`: what its waiters are said to wait for.
  explicit Condition(WaitKind kind) : waiters_(kind) {}

  // Releases the lock, waits for a notification, takes the lock again. kNotified may be spurious
  // only in the sense that the condition may have changed again. Returns with the lock held
  // whatever the outcome. SUSPENDS.
  Wake wait(std::unique_lock<Mutex>& lock, Deadline deadline = Deadline::never());

  // Waits until `ready()`; throws Cancelled when the task is cancelled. False at the deadline.
  // SUSPENDS.
  template <typename Predicate>
  bool wait(std::unique_lock<Mutex>& lock, Deadline deadline, Predicate ready) {
    while (!ready()) {
      switch (wait(lock, deadline)) {
        case Wake::kNotified:
          break;
        case Wake::kTimedOut:
          return ready();
        case Wake::kCancelled:
          throw_cancelled();
      }
    }
    return true;
  }

  void notify_one();
  void notify_all();

 private:
  friend class detail::ConditionBranch;
  [[noreturn]] static void throw_cancelled();
  SpinLock guard_;
  WaitQueue waiters_;  // GUARDED_BY(guard_)
};

}  // namespace saola::runtime
