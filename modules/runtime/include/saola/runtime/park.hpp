// Parking: how every primitive of this module waits. The one place that knows whether the caller is
// a fiber (then its loop runs others) or a thread (then it sleeps on a futex).
#pragma once

#include <atomic>
#include <cstdint>

#include <saola/base/time.hpp>

namespace saola::runtime {

namespace detail {
struct TaskState;
struct WaiterAccess;
}  // namespace detail

// Guards a primitive's few fields for a few instructions; never held across a suspension. Spins,
// then lets the holder run (a holder may have been descheduled).
class SpinLock {
 public:
  void lock() {
    if (held_.exchange(true, std::memory_order_acquire)) lock_slow();
  }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  void lock_slow();
  std::atomic<bool> held_{false};
};

enum class Wake : std::uint8_t { kNotified, kTimedOut, kCancelled };
enum class Cancellable : std::uint8_t { kYes, kNo };

// One wait of the calling task. Lives on the waiter's stack; notify() may come from any thread,
// before or after park().
class Waiter {
 public:
  Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Waits for notify(), the deadline, or (if asked) the task's cancel. Call once. SUSPENDS.
  // REQUIRES: called by the task that made the Waiter.
  Wake park(Deadline deadline, Cancellable cancellable = Cancellable::kYes);
  // Ends the wait if nothing else has. REQUIRES: the Waiter is alive for the length of the call,
  // which the caller ensures with the lock under which it found the Waiter.
  void notify();

 private:
  friend class WaitQueue;
  friend struct detail::WaiterAccess;
  bool claim(std::uint32_t outcome);

  detail::TaskState* const task_;
  // kIdle → kParked → an outcome, or kIdle → an outcome. Whoever moves it from kParked to an
  // outcome, and nobody else, makes the task run again. Release by the mover, acquire by the
  // waiter.
  std::atomic<std::uint32_t> state_{0};
  std::uint32_t timer_slot_ =
      0;  // 1 + place in the loop's timer heap; 0: none. Owned by the loop's owner.
  // The id of the task that has the lock which is waited for; null: no lock. For stall reports.
  const std::atomic<std::uint64_t>* lock_holder_ = nullptr;
  // Guarded by the lock of the WaitQueue it is in.
  Waiter* next_ = nullptr;
  Waiter* previous_ = nullptr;
  bool linked_ = false;
};

// Waiters in order of arrival. Every member is guarded by the primitive's SpinLock, passed to
// wait().
class WaitQueue {
 public:
  ~WaitQueue();
  bool empty() const { return head_ == nullptr; }
  // Takes the first waiter out and notifies it. False when there is none. REQUIRES: lock held.
  bool notify_one();
  void notify_all();
  // Queues the caller, unlocks `lock`, parks. kNotified if and only if notify_one() chose it, even
  // when the deadline or a cancel came at the same moment. `lock` is not held on return. SUSPENDS.
  // `lock_holder`: where the id of the task stands that has the lock waited for, so that a stall
  // report can say who waits for a rescued fiber. REQUIRES: lock held.
  Wake wait(SpinLock& lock, Deadline deadline, Cancellable cancellable = Cancellable::kYes,
            const std::atomic<std::uint64_t>* lock_holder = nullptr);

 private:
  void unlink(Waiter& waiter);
  Waiter* head_ = nullptr;
  Waiter* tail_ = nullptr;
};

}  // namespace saola::runtime
