#include <mutex>

#include <saola/base/check.hpp>
#include <saola/runtime/sync/mutex.hpp>

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
  owner_.store(detail::current_task().id, std::memory_order_relaxed);
  return true;
}

bool Mutex::try_lock_until(Deadline deadline) {
  if (try_lock()) return true;
  const std::uint64_t me = detail::current_task().id;
  SAOLA_CHECK(owner() != me, "a task locked a Mutex that it holds already");
  guard_.lock();
  // From now on unlock() takes the slow path, and hands the lock over instead of freeing it.
  if (state_.exchange(kContended, std::memory_order_acquire) == kFree) {
    if (waiters_.empty()) state_.store(kLocked, std::memory_order_relaxed);
    guard_.unlock();
    owner_.store(me, std::memory_order_relaxed);
    return true;
  }
  if (waiters_.wait(guard_, deadline, Cancellable::kNo, &owner_) != Wake::kNotified) return false;
  owner_.store(me, std::memory_order_relaxed);
  return true;
}

void Mutex::unlock() {
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
