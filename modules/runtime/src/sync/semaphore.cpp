#include <mutex>

#include <saola/runtime/sync/semaphore.hpp>
#include <saola/runtime/task.hpp>

namespace saola::runtime {

bool Semaphore::acquire(Deadline deadline) {
  guard_.lock();
  if (permits_ > 0) {
    --permits_;
    guard_.unlock();
    return true;
  }
  switch (waiters_.wait(guard_, deadline)) {
    case Wake::kNotified:
      return true;  // release() gave its permit to us
    case Wake::kTimedOut:
      return false;
    case Wake::kCancelled:
      this_task::throw_cancelled();
  }
  std::unreachable();
}

bool Semaphore::try_acquire() {
  std::lock_guard lock(guard_);
  if (permits_ <= 0) return false;
  --permits_;
  return true;
}

void Semaphore::release(std::int64_t count) {
  std::lock_guard lock(guard_);
  while (count > 0 && waiters_.notify_one()) --count;
  permits_ += count;
}

std::int64_t Semaphore::available() const {
  std::lock_guard lock(guard_);
  return permits_;
}

}  // namespace saola::runtime
