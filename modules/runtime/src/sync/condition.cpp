#include <saola/runtime/sync/condition.hpp>
#include <saola/runtime/task.hpp>

namespace saola::runtime {

Wake Condition::wait(std::unique_lock<Mutex>& lock, Deadline deadline) {
  // guard_ is taken before the mutex is released: a notification after that finds us queued.
  guard_.lock();
  lock.unlock();
  const Wake wake = waiters_.wait(guard_, deadline);
  lock.lock();
  return wake;
}

void Condition::notify_one() {
  std::lock_guard lock(guard_);
  waiters_.notify_one();
}

void Condition::notify_all() {
  std::lock_guard lock(guard_);
  waiters_.notify_all();
}

void Condition::throw_cancelled() {
  this_task::throw_cancelled();
}

}  // namespace saola::runtime
