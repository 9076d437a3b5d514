// What a Scope, the tasks inside it and the scopes inside it share.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <saola/runtime/park.hpp>
#include <saola/runtime/scope.hpp>

#include "task_state.hpp"

namespace saola::runtime::detail {

struct ScopeWait;

// A scope's children are known to it so that cancel() reaches every wait inside it. Locks are taken
// from the outer scope to the inner.
struct ScopeState : std::enable_shared_from_this<ScopeState> {
  ScopeState(std::string_view n, Deadline d, std::shared_ptr<ScopeState> p);
  ~ScopeState();
  ScopeState(const ScopeState&) = delete;
  ScopeState& operator=(const ScopeState&) = delete;

  const std::shared_ptr<ScopeState> parent;
  const std::string name;
  const Deadline own_deadline;
  const Deadline deadline;  // the earliest of this and all outer ones

  // Set before the waits are looked at; see ScopeWait. Acquire and release: whoever sees it sees
  // what came before cancel().
  std::atomic<bool> cancelled{false};
  SpinLock guard;
  ScopeWait* waits = nullptr;      // GUARDED_BY(guard)
  ScopeState* children = nullptr;  // GUARDED_BY(guard), linked through next and previous
  ScopeState* next = nullptr;      // GUARDED_BY(parent->guard)
  ScopeState* previous = nullptr;  // GUARDED_BY(parent->guard)

  // The innermost scope from here outwards that has ended, or null.
  ScopeState* ended();
  // Has this one, or one around it, been cancelled?
  bool is_cancelled() const;
  void cancel();
  Error error(std::string_view doing) const;

 private:
  // Ends the waits of this scope and of those inside it. REQUIRES: `cancelled` is set, here or
  // further out.
  void end_waits();
};

// One wait of a task inside a scope, on the waiter's stack. It makes the wait end, kCancelled, when
// the scope is cancelled: cancel() sets the flag and then takes the lock, this takes the lock and
// then looks at the flag, so one of them sees the other.
struct ScopeWait {
  ScopeWait(ScopeState& s, Waiter& w);
  ~ScopeWait();
  ScopeWait(const ScopeWait&) = delete;
  ScopeWait& operator=(const ScopeWait&) = delete;

  ScopeState& scope;
  Waiter& waiter;
  ScopeWait* next = nullptr;      // GUARDED_BY(scope.guard)
  ScopeWait* previous = nullptr;  // GUARDED_BY(scope.guard)
};

// `park` (a wait until the deadline that it is given) for a task that may be in a scope: the
// scope's end ends it, kCancelled.
template <typename Park>
Wake park_within_scope(TaskState& task, Waiter& waiter, Deadline deadline, Cancellable cancellable,
                       Park park) {
  if (task.scope == nullptr || cancellable == Cancellable::kNo || task.uncancellable != 0)
      [[likely]] {
    return park(deadline);
  }
  ScopeState& scope = *task.scope;
  const ScopeWait inside(scope, waiter);
  const Wake wake = park(min(deadline, scope.deadline));
  const bool its_end = wake == Wake::kTimedOut && scope.deadline.time() <= deadline.time();
  return its_end ? Wake::kCancelled : wake;
}

}  // namespace saola::runtime::detail
