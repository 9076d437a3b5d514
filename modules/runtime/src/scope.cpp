#include <mutex>

#include <saola/base/check.hpp>
#include <saola/runtime/scope.hpp>

#include "scope_state.hpp"
#include "task_state.hpp"

namespace saola::runtime {
namespace detail {

ScopeState::ScopeState(std::string_view n, Deadline d, std::shared_ptr<ScopeState> p)
    : parent(std::move(p)),
      name(n),
      own_deadline(d),
      deadline(parent != nullptr ? min(d, parent->deadline) : d) {
  if (parent == nullptr) return;
  const std::lock_guard lock(parent->guard);
  next = parent->children;
  if (next != nullptr) next->previous = this;
  parent->children = this;
}

ScopeState::~ScopeState() {
  SAOLA_CHECK(waits == nullptr && children == nullptr, "a scope went away with tasks inside");
  if (parent == nullptr) return;
  const std::lock_guard lock(parent->guard);
  (previous != nullptr ? previous->next : parent->children) = next;
  if (next != nullptr) next->previous = previous;
}

ScopeState* ScopeState::ended() {
  const bool timed_out = deadline.passed();
  for (ScopeState* scope = this; scope != nullptr; scope = scope->parent.get()) {
    if (scope->cancelled.load(std::memory_order_acquire)) return scope;
    if (timed_out && scope->own_deadline.passed()) return scope;
  }
  return nullptr;
}

bool ScopeState::is_cancelled() const {
  for (const ScopeState* scope = this; scope != nullptr; scope = scope->parent.get()) {
    if (scope->cancelled.load(std::memory_order_acquire)) return true;
  }
  return false;
}

void ScopeState::cancel() {
  if (!cancelled.exchange(true, std::memory_order_acq_rel)) end_waits();
}

void ScopeState::end_waits() {
  const std::lock_guard lock(guard);
  for (ScopeWait* wait = waits; wait != nullptr; wait = wait->next) {
    WaiterAccess::interrupt(wait->waiter);
  }
  for (ScopeState* child = children; child != nullptr; child = child->next) child->end_waits();
}

Error ScopeState::error(std::string_view doing) const {
  const std::string_view space = doing.empty() ? "" : " ";
  const std::string which = name.empty() ? "a scope" : fmt::format("scope '{}'", name);
  if (cancelled.load(std::memory_order_acquire)) {
    return {ErrorCode::kCancelled, fmt::format("{} was cancelled{}{}", which, space, doing)};
  }
  return {ErrorCode::kTimedOut, fmt::format("the deadline of {} passed{}{}", which, space, doing)};
}

ScopeWait::ScopeWait(ScopeState& s, Waiter& w) : scope(s), waiter(w) {
  const std::lock_guard lock(scope.guard);
  if (scope.is_cancelled()) WaiterAccess::interrupt(waiter);
  next = scope.waits;
  if (next != nullptr) next->previous = this;
  scope.waits = this;
}

ScopeWait::~ScopeWait() {
  const std::lock_guard lock(scope.guard);
  (previous != nullptr ? previous->next : scope.waits) = next;
  if (next != nullptr) next->previous = previous;
}

}  // namespace detail

void detail::TaskState::enter_scope(std::shared_ptr<ScopeState> which) {
  scope = std::move(which);
  const Deadline deadline = scope != nullptr ? scope->deadline : Deadline::never();
  scope_deadline_ns.store(deadline.time().time_since_epoch().count(), std::memory_order_relaxed);
}

bool detail::TaskState::scope_has_ended() const {
  return scope->ended() != nullptr;
}

using detail::current_task;
using detail::ScopeState;

const std::string& ScopeEnded::name() const {
  return scope_->name;
}

Error ScopeEnded::error() const {
  return scope_->error({});
}

Scope::Scope(std::string_view name, Deadline deadline)
    : state_(std::make_shared<ScopeState>(name, deadline, current_task().scope)) {}

Scope::~Scope() = default;

void Scope::cancel() {
  state_->cancel();
}

bool Scope::ended() const {
  return state_->ended() != nullptr;
}

Scope::Entered::Entered(const std::shared_ptr<ScopeState>& state) : outer_(current_task().scope) {
  SAOLA_CHECK(outer_ == state->parent,
              "a Scope was entered from another scope than it was made in");
  current_task().enter_scope(state);
}

Scope::Entered::~Entered() {
  current_task().enter_scope(std::move(outer_));
}

namespace this_task {

Deadline deadline() {
  const auto& scope = current_task().scope;
  return scope != nullptr ? scope->deadline : Deadline::never();
}

void throw_cancelled() {
  const detail::TaskState& task = current_task();
  if (!task.cancel_requested.load(std::memory_order_acquire) && task.scope != nullptr) {
    if (ScopeState* scope = task.scope->ended()) throw ScopeEnded(scope->shared_from_this());
  }
  throw Cancelled();
}

Error cancelled_error(std::string_view doing) {
  const detail::TaskState& task = current_task();
  if (!task.cancel_requested.load(std::memory_order_acquire) && task.scope != nullptr) {
    if (ScopeState* scope = task.scope->ended()) return scope->error(doing);
  }
  return {ErrorCode::kCancelled, fmt::format("the task was cancelled {}", doing)};
}

}  // namespace this_task

}  // namespace saola::runtime
