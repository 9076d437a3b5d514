#include <sched.h>

#include <saola/base/check.hpp>
#include <saola/runtime/park.hpp>

#include "scope_state.hpp"

namespace saola::runtime {

using detail::WaiterAccess;

void SpinLock::lock_slow() {
  for (int spins = 0;; ++spins) {
    if (!held_.load(std::memory_order_relaxed) && !held_.exchange(true, std::memory_order_acquire))
      return;
    if (spins < 64) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    } else {
      ::sched_yield();
    }
  }
}

Waiter::Waiter(WaitFor what) : task_(&detail::current_task()), what_(what) {}

Wake Waiter::park(Deadline deadline, Cancellable cancellable) {
  return detail::park_within_scope(*task_, *this, deadline, cancellable, [&](Deadline until) {
    return task_->park(*this, until, cancellable);
  });
}

bool Waiter::claim(std::uint32_t outcome) {
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  while (seen == detail::kIdle || seen == detail::kParked) {
    if (state_.compare_exchange_weak(seen, outcome, std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
      return seen == detail::kParked;
    }
  }
  return false;
}

void Waiter::notify() {
  // Once claimed, the waiter may be gone.
  detail::TaskState* task = task_;
  auto* state = &state_;
  if (claim(detail::kNotified)) task->unpark(state);
}

void WaiterAccess::interrupt(Waiter& w) {
  TaskState* task = w.task_;
  auto* state = &w.state_;
  if (w.claim(kCancelled)) task->unpark(state);
}

Wake WaiterAccess::outcome(std::uint32_t state) {
  switch (state) {
    case kNotified:
      return Wake::kNotified;
    case kTimedOut:
      return Wake::kTimedOut;
    case kCancelled:
      return Wake::kCancelled;
    default:
      SAOLA_CHECK(false, "a task ran on before its wait had ended");
  }
  return Wake::kNotified;
}

WaitQueue::~WaitQueue() {
  SAOLA_CHECK(head_ == nullptr, "a primitive was destroyed while tasks waited on it");
}

void WaitQueue::push(WaitNode& node) {
  node.next_ = nullptr;
  node.previous_ = tail_;
  (tail_ != nullptr ? tail_->next_ : head_) = &node;
  tail_ = &node;
  node.linked_ = true;
}

bool WaitQueue::remove(WaitNode& node) {
  if (!node.linked_) return false;
  unlink(node);
  return true;
}

void WaitQueue::unlink(WaitNode& node) {
  (node.previous_ != nullptr ? node.previous_->next_ : head_) = node.next_;
  (node.next_ != nullptr ? node.next_->previous_ : tail_) = node.previous_;
  node.linked_ = false;
}

bool WaitQueue::notify_one() {
  while (head_ != nullptr) {
    WaitNode& node = *head_;
    unlink(node);
    if (node.notify()) return true;
  }
  return false;
}

void WaitQueue::notify_all() {
  while (notify_one()) {
  }
}

Wake WaitQueue::wait(SpinLock& lock, Deadline deadline, Cancellable cancellable,
                     const std::atomic<std::uint64_t>* lock_holder) {
  Waiter waiter(lock_holder != nullptr ? WaitFor(kind_, lock_holder) : WaitFor(kind_, this));
  waiter.lock_holder_ = lock_holder;
  WaitNode node(waiter);
  push(node);
  lock.unlock();
  Wake wake = waiter.park(deadline, cancellable);
  // Even a notified waiter passes the lock: the notifier has then left the primitive, which the
  // caller may destroy.
  lock.lock();
  if (!remove(node)) wake = Wake::kNotified;
  lock.unlock();
  return wake;
}

}  // namespace saola::runtime
