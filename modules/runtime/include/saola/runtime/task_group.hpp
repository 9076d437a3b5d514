// Tasks that belong together: join all, cancel all, at most so many at once.
//
//   TaskGroup group({.limit = 8, .on_error = TaskGroupOptions::OnError::kCancelRest});
//   for (const Part& part : parts) group.spawn([&] { download(part); });
//   group.join();  // throws what the first failed download threw; the others were cancelled
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

// How many tasks of a group run at once, and what an error does to the rest.
struct TaskGroupOptions {
  // So many tasks of the group at most are alive at one time, at least 1.
  std::size_t limit = SIZE_MAX;
  // What the first task that ends with an error (anything but Cancelled) does to the others.
  enum class OnError : std::uint8_t {
    kLetRun,      // nothing: join() throws the error when all have ended
    kCancelRest,  // cancels the group: fail fast
  } on_error = OnError::kLetRun;
};

// Used from several tasks at a time. The destructor cancels and joins what is left (SUSPENDS, not
// ended by cancel), and drops errors that nobody asked for.
//
// A cancelled group stays cancelled: a task that is spawned into it afterwards is cancelled as it
// starts, so that nobody who was just about to add one outlives the cancel.
class TaskGroup {
 public:
  explicit TaskGroup(TaskGroupOptions options = {}) : options_(options) {}
  explicit TaskGroup(std::size_t limit) : TaskGroup(TaskGroupOptions{.limit = limit}) {}
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts a task, in the caller's Scope and with its InheritedLocals. SUSPENDS while the group is
  // at its limit; throws Cancelled if the caller is cancelled then. Throws as runtime::spawn()
  // does.
  void spawn(std::move_only_function<void()> body, SpawnOptions options = {},
             std::source_location site = std::source_location::current());
  // Waits until no task of the group is alive, then throws the first exception that one of them
  // ended with (Cancelled only if nothing else), once. The group may be used again. SUSPENDS;
  // throws Cancelled if the caller is cancelled, and the tasks go on. False at the deadline.
  bool join(Deadline deadline = Deadline::never());
  // Asks every task to stop: those alive now, and those spawned later. Idempotent, any thread. They
  // have ended when join() returns.
  void cancel();
  // Tasks that have not ended.
  std::size_t size() const;

 private:
  void reap(std::unique_lock<Mutex>& lock);
  // REQUIRES of both: mutex_ held.
  void keep(std::exception_ptr error, bool is_cancel);
  void cancel_all();

  const TaskGroupOptions options_;
  mutable Mutex mutex_;
  // All GUARDED_BY(mutex_).
  Condition changed_{WaitKind::kTaskGroup};
  std::list<Task> running_;
  std::list<Task> ended_;
  bool cancelled_ = false;
  std::exception_ptr error_;            // the first that is not Cancelled
  std::exception_ptr cancelled_error_;  // the first Cancelled
};

}  // namespace saola::runtime
