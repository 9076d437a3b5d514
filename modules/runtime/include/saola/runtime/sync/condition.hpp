// Waiting for a condition under a Mutex.
//
//   std::unique_lock lock(mutex);
//   if (!changed.wait(lock, Deadline::after(1s), [&] { return !items.empty(); })) return;  // late
//   use(items.front());
//   …
//   { const std::lock_guard lock(mutex);  items.push_back(item); }
//   changed.notify_one();
#pragma once

#include <mutex>

#include <saola/runtime/sync/mutex.hpp>

namespace saola::runtime {

namespace detail {
class ConditionBranch;
}

// Where tasks wait for what a Mutex guards to change, fibers and threads alike. Use one Mutex with
// it. Waiters are woken in order of arrival. REQUIRES: nobody waits when it is destroyed; a waiter
// that was notified counts until its wait() has the mutex again.
class Condition {
 public:
  Condition() : Condition(WaitKind::kCondition) {}
  // `kind`: what its waiters are said to wait for.
  explicit Condition(WaitKind kind) : waiters_(kind) {}

  // Releases the lock, waits for a notification, takes the lock again: no notification in between
  // is missed. Returns with the lock held whatever the outcome. kNotified if and only if a
  // notification chose this waiter; but another task may have taken the lock first, so look at the
  // condition again. kTimedOut, kCancelled (and is not thrown: the caller has the lock). SUSPENDS,
  // also for the lock, which neither deadline nor cancel ends. REQUIRES: `lock` is held.
  Wake wait(std::unique_lock<Mutex>& lock, Deadline deadline = Deadline::never());

  // Waits until `ready()`, which is called with the lock held and first of all, so it does not wait
  // when it is true. False at the deadline, if it is still not. Throws Cancelled, with the lock
  // held, when the task is cancelled. SUSPENDS.
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

  // Wakes the longest waiter, or all. Never suspends; any thread. The mutex need not be held, but
  // what changed must have changed under it.
  void notify_one();
  void notify_all();

 private:
  friend class detail::ConditionBranch;
  [[noreturn]] static void throw_cancelled();
  SpinLock guard_;
  WaitQueue waiters_;  // GUARDED_BY(guard_)
};

}  // namespace saola::runtime
