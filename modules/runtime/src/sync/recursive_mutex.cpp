#include <saola/base/check.hpp>
#include <saola/runtime/sync/recursive_mutex.hpp>
#include <saola/runtime/task.hpp>

namespace saola::runtime {

bool RecursiveMutex::again() {
  // It can only be our own id if we have set it.
  if (mutex_.owner() != this_task::id()) return false;
  ++depth_;
  return true;
}

void RecursiveMutex::lock() {
  if (!again()) mutex_.lock();
}

bool RecursiveMutex::try_lock() {
  return again() || mutex_.try_lock();
}

bool RecursiveMutex::try_lock_until(Deadline deadline) {
  return again() || mutex_.try_lock_until(deadline);
}

void RecursiveMutex::unlock() {
  SAOLA_CHECK(mutex_.owner() == this_task::id(),
              "a RecursiveMutex was unlocked by a task that does not hold it");
  if (depth_ > 0) {
    --depth_;
  } else {
    mutex_.unlock();
  }
}

}  // namespace saola::runtime
