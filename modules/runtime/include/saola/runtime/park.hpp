// Parking: how every primitive of this module waits. The one place that knows whether the caller is
// a fiber (then its loop runs others) or a thread (then it sleeps on a futex). For whoever writes a
// primitive; to wait for one, see sync/.
//
//   class Gate {                                  // opens once
//    public:
//     bool pass(Deadline deadline) {
//       guard_.lock();
//       if (open_) return guard_.unlock(), true;
//       return waiters_.wait(guard_, deadline) == Wake::kNotified;   // lets guard_ go
//     }
//     void open() {
//       const std::lock_guard lock(guard_);
//       open_ = true;
//       waiters_.notify_all();
//     }
//    private:
//     SpinLock guard_;
//     bool open_ = false;     // GUARDED_BY(guard_)
//     WaitQueue waiters_;     // GUARDED_BY(guard_)
//   };
#pragma once

#include <atomic>
#include <cstdint>

#include <saola/base/time.hpp>
#include <saola/runtime/wait_kind.hpp>

namespace saola::runtime {

namespace detail {
struct TaskState;
struct WaiterAccess;
}  // namespace detail

// Guards a primitive's few fields for a few instructions; never held across a suspension, nor over
// code that may take memory or call back. Spins, then lets the holder run (a holder may have been
// descheduled). Fits std::lock_guard.
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

// How a wait ended: kNotified (what was waited for), or given up at the deadline or for the task's
// cancel.
enum class Wake : std::uint8_t { kNotified, kTimedOut, kCancelled };
// Whether the task's cancel, or the end of a Scope that it is in, ends the wait.
enum class Cancellable : std::uint8_t { kYes, kNo };

// One wait of the calling task. Lives on the waiter's stack; notify() may come from any thread,
// before or after park().
class Waiter {
 public:
  // `what` it waits for, for lists of tasks.
  explicit Waiter(WaitFor what = {});
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
  friend class WaitNode;
  friend struct detail::WaiterAccess;
  bool claim(std::uint32_t outcome);

  detail::TaskState* const task_;
  WaitFor what_;
  // kIdle → kParked → an outcome, or kIdle → an outcome. Whoever moves it from kParked to an
  // outcome, and nobody else, makes the task run again. Release by the mover, acquire by the
  // waiter.
  std::atomic<std::uint32_t> state_{0};
  std::uint32_t timer_slot_ =
      0;  // 1 + place in the loop's timer heap; 0: none. Owned by the loop's owner.
  // The id of the task that has the lock which is waited for; null: no lock. For stall reports.
  const std::atomic<std::uint64_t>* lock_holder_ = nullptr;
};

// Which branch of a select() has won: written once, by the first notifier that comes, or closed by
// the selecting task when its wait has ended otherwise. All acq-rel: the winner's notifier
// publishes what it did before.
class Choice {
 public:
  // Branch `branch` wins, unless another has or the choice was closed.
  bool choose(std::uint32_t branch) {
    std::uint32_t open = kOpen;
    return chosen_.compare_exchange_strong(open, branch, std::memory_order_acq_rel,
                                           std::memory_order_acquire);
  }
  // Nobody wins any more. Returns who had won before, or kNobody.
  std::uint32_t close() {
    std::uint32_t seen = kOpen;
    chosen_.compare_exchange_strong(seen, kNobody, std::memory_order_acq_rel,
                                    std::memory_order_acquire);
    return seen == kOpen ? kNobody : seen;
  }
  static constexpr std::uint32_t kNobody = UINT32_MAX;

 private:
  static constexpr std::uint32_t kOpen = UINT32_MAX - 1;
  std::atomic<std::uint32_t> chosen_{kOpen};
};

// A Waiter's place in one WaitQueue (or any other list of who is to be notified). A waiter has one,
// or one for each branch of a select(). On the waiter's stack; guarded by the lock of the queue.
class WaitNode {
 public:
  explicit WaitNode(Waiter& waiter) : waiter_(waiter) {}
  WaitNode(Waiter& waiter, Choice& choice, std::uint32_t branch)
      : waiter_(waiter), choice_(&choice), branch_(branch) {}
  WaitNode(const WaitNode&) = delete;
  WaitNode& operator=(const WaitNode&) = delete;

  // Notifies the waiter on behalf of this queue. False when its select() has been decided for
  // another branch: then the notification is not used up, and is to go to the next in the queue.
  // REQUIRES: the waiter is kept from leaving by the lock under which the node was found.
  bool notify() {
    if (choice_ != nullptr && !choice_->choose(branch_)) return false;
    waiter_.notify();
    return true;
  }

 private:
  friend class WaitQueue;
  Waiter& waiter_;
  Choice* const choice_ = nullptr;
  const std::uint32_t branch_ = 0;
  WaitNode* next_ = nullptr;
  WaitNode* previous_ = nullptr;
  bool linked_ = false;
};

// Waiters in order of arrival. Every member is guarded by the primitive's SpinLock, passed to
// wait().
class WaitQueue {
 public:
  // What its waiters are said to wait for.
  explicit WaitQueue(WaitKind kind = WaitKind::kOther) : kind_(kind) {}
  ~WaitQueue();
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;
  bool empty() const { return head_ == nullptr; }
  // Takes the first waiter out and notifies it. False when there is none. REQUIRES: lock held.
  bool notify_one();
  // Takes all waiters out, first come first, and notifies them. REQUIRES: lock held.
  void notify_all();
  // Queues the caller, unlocks `lock`, parks. kNotified if and only if notify_one() chose it, even
  // when the deadline or a cancel came at the same moment. `lock` is not held on return. SUSPENDS.
  // `lock_holder`: where the id of the task stands that has the lock waited for, so that a stall
  // report can say who waits for a rescued fiber. REQUIRES: lock held.
  Wake wait(SpinLock& lock, Deadline deadline, Cancellable cancellable = Cancellable::kYes,
            const std::atomic<std::uint64_t>* lock_holder = nullptr);

  // For select(), which parks once for all its branches. remove(): false when notify_one() chose
  // it. REQUIRES: lock held; a pushed node is removed before it goes away.
  void push(WaitNode& node);
  bool remove(WaitNode& node);

 private:
  void unlink(WaitNode& node);
  WaitNode* head_ = nullptr;
  WaitNode* tail_ = nullptr;
  const WaitKind kind_;
};

}  // namespace saola::runtime
