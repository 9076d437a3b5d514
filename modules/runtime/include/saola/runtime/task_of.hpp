// Tasks that return something: spawn_result() for one, JoinSet for many.
//
//   TaskOf<Page> page = spawn_result([&] { return download(url); });
//   …
//   show(page.join());  // the Page; or throws what download() threw
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <saola/base/time.hpp>
#include <saola/runtime/select.hpp>
#include <saola/runtime/sync/condition.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/task.hpp>
#include <saola/runtime/task_group.hpp>

namespace saola::runtime {

// A Task with a result; move-only. As a Task it is cancelled and joined when dropped. Of every
// member but the test for emptiness REQUIRES: not empty.
//
//   TaskOf<Page> page = spawn_result([&] { return download(url); }, {.name = "download"});
//   if (auto got = page.join(Deadline::after(1s))) return *got;
//   page.cancel();
template <typename T>
class TaskOf {
 public:
  // Empty: holds no task.
  TaskOf() = default;

  // Whether it holds a task: false when default-made, moved from, joined or detached.
  explicit operator bool() const { return static_cast<bool>(task_); }
  // Waits for the end: the result, moved out, or what the task threw (Cancelled included). The
  // handle is empty afterwards. SUSPENDS. If the caller is cancelled it throws Cancelled and keeps
  // the task.
  T join() { return *join(Deadline::never()); }
  // As join(), but gives up at the deadline: nullopt, and the task goes on.
  std::optional<T> join(Deadline deadline) {
    if (!task_.join(deadline)) return std::nullopt;
    return std::move(*std::exchange(result_, nullptr));
  }
  // As Task's of the same name.
  void cancel() { task_.cancel(); }
  bool done() const { return task_.done(); }
  void detach() { task_.detach(); }
  std::uint64_t id() const { return task_.id(); }
  // Without its result, for on_done() and the like.
  Task& task() { return task_; }

 private:
  template <std::invocable F>
  friend auto spawn_result(F body, SpawnOptions options, std::source_location site)
      -> TaskOf<std::invoke_result_t<F&>>;
  TaskOf(Task task, std::shared_ptr<std::optional<T>> result)
      : result_(std::move(result)), task_(std::move(task)) {}

  // Shared with the task, which may outlive the handle. Empty when it threw.
  std::shared_ptr<std::optional<T>> result_;
  Task task_;
};

// As spawn(), for a body that returns a value; a body that throws ends the task with that
// exception. The value is kept in memory of its own until it is joined, so the task may outlive the
// handle.
template <std::invocable F>
auto spawn_result(F body, SpawnOptions options = {},
                  std::source_location site = std::source_location::current())
    -> TaskOf<std::invoke_result_t<F&>> {
  using T = std::invoke_result_t<F&>;
  static_assert(std::is_object_v<T>,
                "spawn_result() is for a body that returns a value; spawn() is for void");
  auto result = std::make_shared<std::optional<T>>();
  auto run = [result, function = std::move(body)]() mutable { result->emplace(function()); };
  return {spawn(std::move(run), options, site), std::move(result)};
}

// The task has ended; join() it then. REQUIRES: nobody else waits for it.
template <typename T>
detail::TaskBranch on_done(TaskOf<T>& task) {
  return on_done(task.task());
}

namespace detail {
template <typename T>
class JoinBranch;
}

// Tasks whose results come in the order in which they end.
//
//   JoinSet<Page> pages({.limit = 8});
//   for (const std::string& url : urls) pages.spawn([&url] { return download(url); });
//   while (auto page = pages.next()) index(*page);
//
// Used from several tasks at a time; the destructor cancels and joins what is left (SUSPENDS).
// Results that nobody takes are kept until then. Where only the end of all counts, a TaskGroup
// does; where each result goes to somebody else, TaskOf.
template <typename T>
class JoinSet {
 public:
  // `limit` counts tasks that run, not results that nobody has taken yet.
  explicit JoinSet(TaskGroupOptions options = {}) : group_(options) {}

  // As TaskGroup::spawn(): SUSPENDS while the group is at its limit. The body returns exactly T.
  template <std::invocable F>
  void spawn(F body, SpawnOptions options = {},
             std::source_location site = std::source_location::current()) {
    static_assert(std::is_same_v<std::invoke_result_t<F&>, T>,
                  "the body returns another type than the JoinSet's");
    change_left(+1);
    try {
      group_.spawn(
          [this, function = std::move(body)]() mutable {
            try {
              add({.value = function(), .error = nullptr});
            } catch (...) {
              add({.value = std::nullopt, .error = std::current_exception()});
              throw;  // the group wants to know, too
            }
          },
          options, site);
    } catch (...) {
      change_left(-1);
      throw;
    }
  }

  // The result of the task that has ended next. Throws what that task threw (Cancelled included);
  // the others are still there, so the call may be repeated. nullopt when no task is left, or at
  // the deadline: empty() tells which. SUSPENDS; throws Cancelled if the caller is cancelled.
  std::optional<T> next(Deadline deadline = Deadline::never()) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, deadline, [&] { return !ended_.empty() || left_ == 0; });
    if (ended_.empty()) return std::nullopt;
    return take(lock);
  }
  // Asks every task to stop, those spawned later too. Their outcomes still come from next().
  void cancel() { group_.cancel(); }
  // Tasks whose result has not been taken.
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return left_;
  }
  bool empty() const { return size() == 0; }

 private:
  friend class detail::JoinBranch<T>;
  // How one task ended: with a value, or with an exception.
  struct Outcome {
    std::optional<T> value;
    std::exception_ptr error;
  };

  // One more or one fewer whose result next() may still wait for.
  void change_left(int by) {
    const std::lock_guard lock(mutex_);
    left_ += static_cast<std::size_t>(by);
    changed_.notify_all();
  }
  // A task has ended. Called by the task itself, before the group knows.
  void add(Outcome outcome) {
    const std::lock_guard lock(mutex_);
    ended_.push_back(std::move(outcome));
    changed_.notify_one();
  }
  // Takes the first outcome out and lets the lock go. REQUIRES: there is one.
  std::optional<T> take(std::unique_lock<Mutex>& lock) {
    Outcome outcome = std::move(ended_.front());
    ended_.pop_front();
    // Those who wait for the last result have nothing more to wait for.
    if (--left_ == 0) changed_.notify_all();
    lock.unlock();
    if (outcome.error != nullptr) std::rethrow_exception(outcome.error);
    return std::move(outcome.value);
  }

  mutable Mutex mutex_;
  // All GUARDED_BY(mutex_).
  Condition changed_{WaitKind::kTaskGroup};
  std::deque<Outcome> ended_;
  std::size_t left_ = 0;
  // Last: its tasks use all of the above.
  TaskGroup group_;
};

namespace detail {

template <typename T>
class JoinBranch final : public ConditionBranch {
 public:
  explicit JoinBranch(JoinSet<T>& set) : ConditionBranch(set.mutex_, set.changed_), set_(set) {}

 private:
  bool ready_locked() override { return !set_.ended_.empty() || set_.left_ == 0; }
  bool take_locked() override { return ready_locked(); }
  JoinSet<T>& set_;
};

}  // namespace detail

// For select(): next() returns (or throws) at once, unless another task takes the result first.
// Ready too when no task is left.
//
//   switch (select(Deadline::never(), on_next(pages), on_set(stop)).value_or(1)) {
//     case 0: if (auto page = pages.next(Deadline::at({}))) index(*page);
//             break;
//     case 1: pages.cancel();
//   }
template <typename T>
detail::JoinBranch<T> on_next(JoinSet<T>& set) {
  return detail::JoinBranch<T>(set);
}

}  // namespace saola::runtime
