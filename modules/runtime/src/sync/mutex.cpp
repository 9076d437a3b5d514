#include <mutex>

#include <saola/base/check.hpp>
#include <saola/runtime/sync/mutex.hpp>

#include "loop/thread_starter.hpp"
#include "task_state.hpp"

namespace saola::runtime {
namespace {

enum : std::uint32_t { kFree = 0, kLocked = 1, kContended = 2 };

}  // namespace

Mutex::~Mutex() {
  SAOLA_CHECK(state_.load(std::memory_order_relaxed) == kFree,
              "a Mutex was destroyed while it was locked");
}

void Mutex::lock() {
  try_lock_until(Deadline::never());
}

bool Mutex::try_lock() {
  std::uint32_t expected = kFree;
  if (!state_.compare_exchange_strong(expected, kLocked, std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
    return false;
  }
  note_owner(detail::current_task());
  return true;
}

void Mutex::note_owner(detail::TaskState& task) {
  owner_.store(task.id.load(std::memory_order_relaxed), std::memory_order_relaxed);
  task.took_lock();
}

bool Mutex::try_lock_until(Deadline deadline) {
  detail::leave_demoted_thread();
  if (try_lock()) return true;
  detail::TaskState& me = detail::current_task();
  SAOLA_CHECK(owner() != me.id.load(std::memory_order_relaxed),
              "a task locked a Mutex that it holds already");
  guard_.lock();
  // From now on unlock() takes the slow path, and hands the lock over instead of freeing it.
  if (state_.exchange(kContended, std::memory_order_acquire) == kFree) {
    if (waiters_.empty()) state_.store(kLocked, std::memory_order_relaxed);
    guard_.unlock();
    note_owner(me);
    return true;
  }
  if (waiters_.wait(guard_, deadline, Cancellable::kNo, &owner_) != Wake::kNotified) return false;
  note_owner(me);
  return true;
}

void Mutex::unlock() {
  detail::current_task().gave_lock_back();
  owner_.store(0, std::memory_order_relaxed);
  // Freeing it is the last touch: whoever locks it next may destroy it.
  std::uint32_t expected = kLocked;
  while (!state_.compare_exchange_strong(expected, kFree, std::memory_order_release,
                                         std::memory_order_relaxed)) {
    SAOLA_CHECK(expected == kContended, "a Mutex was unlocked that nobody holds");
    std::lock_guard lock(guard_);
    if (waiters_.notify_one()) return;  // the lock is that waiter's now, who passes guard_ after us
    state_.store(kLocked, std::memory_order_relaxed);  // who waited has given up
    expected = kLocked;
  }
}

}  // namespace saola::runtime
