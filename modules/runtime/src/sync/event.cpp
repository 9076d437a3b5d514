#include <mutex>

#include <saola/base/check.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/task.hpp>

namespace saola::runtime {

void Event::set() {
  std::lock_guard lock(guard_);
  set_.store(true, std::memory_order_release);
  waiters_.notify_all();
}

void Event::reset() {
  std::lock_guard lock(guard_);
  set_.store(false, std::memory_order_relaxed);
}

Wake Event::wait_result(Deadline deadline, Cancellable cancellable) {
  // No look at set_ without the lock: when we return, set() has left the event, which the caller
  // may destroy.
  guard_.lock();
  if (set_.load(std::memory_order_relaxed)) {
    guard_.unlock();
    return Wake::kNotified;
  }
  return waiters_.wait(guard_, deadline, cancellable);
}

bool Event::wait(Deadline deadline) {
  switch (wait_result(deadline)) {
    case Wake::kNotified:
      return true;
    case Wake::kTimedOut:
      return false;
    case Wake::kCancelled:
      this_task::throw_cancelled();
  }
  std::unreachable();
}

Latch::Latch(std::int64_t count) : left_(count) {
  SAOLA_CHECK(count >= 0, "a Latch counts from zero or more");
  if (count == 0) open_.set();
}

void Latch::count_down(std::int64_t by) {
  const std::int64_t before = left_.fetch_sub(by, std::memory_order_acq_rel);
  SAOLA_CHECK(before >= by, "a Latch was counted down below zero");
  if (before == by) open_.set();
}

}  // namespace saola::runtime
