// Tasks that belong together: join all, cancel all, at most so many at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <source_location>

#include <saola/runtime/sync/condition.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/task.hpp>

namespace saola::runtime {

// Used from several tasks at a time. The destructor cancels and joins what is left.
class TaskGroup {
 public:
  // At most `limit` tasks of the group are alive at one time.
  explicit TaskGroup(std::size_t limit = SIZE_MAX) : limit_(limit) {}
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts a task. SUSPENDS while the group is at its limit; throws Cancelled if the caller is
  // cancelled then.
  void spawn(std::move_only_function<void()> body, SpawnOptions options = {},
             std::source_location site = std::source_location::current());
  // Waits until no task of the group is alive, then throws the first exception that one of them
  // ended with (Cancelled only if nothing else), once. SUSPENDS; throws Cancelled if the caller is
  // cancelled. False at the deadline.
  bool join(Deadline deadline = Deadline::never());
  // Asks every task that is alive to stop.
  void cancel();
  std::size_t size() const;

 private:
  void reap(std::unique_lock<Mutex>& lock);

  const std::size_t limit_;
  mutable Mutex mutex_;
  // All GUARDED_BY(mutex_).
  Condition changed_;
  std::list<Task> running_;
  std::list<Task> ended_;
  std::exception_ptr first_error_;
};

}  // namespace saola::runtime
