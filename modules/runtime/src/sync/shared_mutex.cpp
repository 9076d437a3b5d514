#include <mutex>

#include <saola/base/check.hpp>
#include <saola/runtime/sync/shared_mutex.hpp>

#include "loop/thread_starter.hpp"
#include "task_state.hpp"

namespace saola::runtime {

namespace {

void took_lock() {
  detail::current_task().took_lock();
}

}  // namespace

void SharedMutex::lock() {
  try_lock_until(Deadline::never());
}
void SharedMutex::lock_shared() {
  try_lock_shared_until(Deadline::never());
}

void SharedMutex::note_writer() {
  detail::TaskState& task = detail::current_task();
  writer_.store(task.id.load(std::memory_order_relaxed), std::memory_order_relaxed);
  task.took_lock();
}

bool SharedMutex::try_lock() {
  std::lock_guard lock(guard_);
  if (readers_ != 0) return false;
  readers_ = -1;
  note_writer();
  return true;
}

bool SharedMutex::try_lock_until(Deadline deadline) {
  detail::leave_demoted_thread();
  guard_.lock();
  if (readers_ == 0 && writer_queue_.empty()) {
    readers_ = -1;
    guard_.unlock();
    note_writer();
    return true;
  }
  // wake() sets readers_ on behalf of whom it chooses.
  if (writer_queue_.wait(guard_, deadline, Cancellable::kNo, &writer_) == Wake::kNotified) {
    note_writer();
    return true;
  }
  // A writer that gives up may have been all that kept readers out.
  std::lock_guard lock(guard_);
  wake();
  return false;
}

void SharedMutex::unlock() {
  std::lock_guard lock(guard_);
  SAOLA_CHECK(readers_ == -1, "a SharedMutex was unlocked that no writer holds");
  detail::current_task().gave_lock_back();
  readers_ = 0;
  writer_.store(0, std::memory_order_relaxed);
  wake();
}

bool SharedMutex::try_lock_shared() {
  std::lock_guard lock(guard_);
  if (readers_ < 0 || !writer_queue_.empty()) return false;
  ++readers_;
  took_lock();
  return true;
}

bool SharedMutex::try_lock_shared_until(Deadline deadline) {
  detail::leave_demoted_thread();
  guard_.lock();
  if (readers_ >= 0 && writer_queue_.empty()) {
    ++readers_;
    guard_.unlock();
    took_lock();
    return true;
  }
  if (reader_queue_.wait(guard_, deadline, Cancellable::kNo, &writer_) != Wake::kNotified) {
    return false;
  }
  took_lock();
  return true;
}

void SharedMutex::unlock_shared() {
  std::lock_guard lock(guard_);
  SAOLA_CHECK(readers_ > 0, "a SharedMutex was unlocked that no reader holds");
  detail::current_task().gave_lock_back();
  --readers_;
  wake();
}

// A free lock goes to the first waiting writer; otherwise readers go in, unless a writer waits.
void SharedMutex::wake() {
  if (readers_ == 0 && writer_queue_.notify_one()) {
    readers_ = -1;
    return;
  }
  if (readers_ >= 0 && writer_queue_.empty()) {
    while (reader_queue_.notify_one()) ++readers_;
  }
}

}  // namespace saola::runtime
