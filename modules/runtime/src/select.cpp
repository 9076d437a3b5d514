#include <poll.h>

#include <expected>
#include <memory>
#include <mutex>

#include <saola/base/check.hpp>
#include <saola/runtime/park.hpp>
#include <saola/runtime/select.hpp>

#include "native_task.hpp"
#include "task_state.hpp"

namespace saola::runtime {

// One attempt: the waiter's places in the queues of all branches. Leaves them when it goes away.
class Selection {
 public:
  explicit Selection(std::span<Branch* const> branches)
      : branches_(branches),
        many_(branches.size() > kFew ? std::make_unique<std::optional<WaitNode>[]>(branches.size())
                                     : nullptr),
        nodes_(many_ != nullptr ? many_.get() : few_) {}
  ~Selection() { leave(); }
  Selection(const Selection&) = delete;
  Selection& operator=(const Selection&) = delete;

  static std::optional<std::size_t> take_any(std::span<Branch* const> branches) {
    for (std::size_t i = 0; i < branches.size(); ++i) {
      if (branches[i]->take()) return i;
    }
    return std::nullopt;
  }

  // Waits until a branch is notified; kNotified also when one was ready by then.
  Wake wait(Deadline deadline) {
    for (; enlisted_ < branches_.size(); ++enlisted_) {
      WaitNode& node =
          nodes_[enlisted_].emplace(waiter_, choice_, static_cast<std::uint32_t>(enlisted_));
      if (!branches_[enlisted_]->enlist(node)) return Wake::kNotified;
    }
    detail::TaskState& task = detail::current_task();
    if (task.kind == detail::TaskKind::kFiber) return waiter_.park(deadline);
    std::vector<pollfd> descriptors;
    for (Branch* branch : branches_) {
      const Branch::Descriptor d = branch->descriptor();
      if (d.fd < 0) continue;
      descriptors.push_back(
          {.fd = d.fd, .events = detail::poll_events(d.for_reading), .revents = 0});
    }
    if (descriptors.empty()) return waiter_.park(deadline);
    return static_cast<detail::BlockingTask&>(task).park_polling(waiter_, std::move(descriptors),
                                                                 deadline);
  }

  // Leaves all queues. The branch that was notified and has what it is for, if there is one.
  std::optional<std::size_t> finish() {
    const std::uint32_t winner = choice_.close();
    leave();
    if (winner != Choice::kNobody && branches_[winner]->take_notified()) return winner;
    return std::nullopt;
  }

 private:
  static constexpr std::size_t kFew = 8;

  void leave() {
    choice_.close();
    while (enlisted_ > 0) {
      --enlisted_;
      branches_[enlisted_]->withdraw(*nodes_[enlisted_]);
    }
  }

  const std::span<Branch* const> branches_;
  Waiter waiter_{WaitFor(WaitKind::kSelect, branches_.size())};
  Choice choice_;
  std::optional<WaitNode> few_[kFew];
  const std::unique_ptr<std::optional<WaitNode>[]> many_;
  std::optional<WaitNode>* const nodes_;
  std::size_t enlisted_ = 0;
};

namespace {

// A branch, or why there is none: kTimedOut or kCancelled.
std::expected<std::size_t, Wake> select_any(Deadline deadline, std::span<Branch* const> branches) {
  for (;;) {
    if (const auto ready = Selection::take_any(branches)) return *ready;
    Selection selection(branches);
    const Wake wake = selection.wait(deadline);
    if (const auto chosen = selection.finish()) return *chosen;
    if (wake != Wake::kNotified) return std::unexpected(wake);
  }
}

}  // namespace

std::optional<std::size_t> select(Deadline deadline, std::span<Branch* const> branches) {
  const auto which = select_any(deadline, branches);
  if (which) return *which;
  if (which.error() == Wake::kCancelled) this_task::throw_cancelled();
  return std::nullopt;
}

namespace detail {

Result<std::size_t> select_or_error(Deadline deadline, std::span<Branch* const> branches,
                                    std::string_view doing) {
  const auto which = select_any(deadline, branches);
  if (which) return *which;
  if (which.error() == Wake::kCancelled) return fail(this_task::cancelled_error(doing));
  return fail(ErrorCode::kTimedOut, "the deadline passed {}", doing);
}

bool EventBranch::take() {
  const std::lock_guard lock(event_.guard_);
  return event_.is_set();
}
bool EventBranch::enlist(WaitNode& node) {
  const std::lock_guard lock(event_.guard_);
  if (event_.is_set()) return false;
  event_.waiters_.push(node);
  return true;
}
void EventBranch::withdraw(WaitNode& node) {
  const std::lock_guard lock(event_.guard_);
  event_.waiters_.remove(node);
}

bool SemaphoreBranch::enlist(WaitNode& node) {
  const std::lock_guard lock(semaphore_.guard_);
  if (semaphore_.permits_ > 0) return false;
  semaphore_.waiters_.push(node);
  return true;
}
void SemaphoreBranch::withdraw(WaitNode& node) {
  const std::lock_guard lock(semaphore_.guard_);
  semaphore_.waiters_.remove(node);
}

bool TaskBranch::enlist(WaitNode& node) {
  TaskState& state = *task_.state_;
  const std::lock_guard lock(state.join_guard);
  if (state.done) return false;
  SAOLA_CHECK(state.joiner == nullptr, "two tasks wait for the end of one Task");
  state.joiner = &node;
  return true;
}
void TaskBranch::withdraw(WaitNode& node) {
  TaskState& state = *task_.state_;
  const std::lock_guard lock(state.join_guard);
  if (state.joiner == &node) state.joiner = nullptr;
}

bool ConditionBranch::take() {
  const std::lock_guard lock(mutex_);
  return take_locked();
}
bool ConditionBranch::enlist(WaitNode& node) {
  const std::lock_guard lock(mutex_);
  if (ready_locked()) return false;
  const std::lock_guard guard(condition_.guard_);
  condition_.waiters_.push(node);
  return true;
}
void ConditionBranch::withdraw(WaitNode& node) {
  const std::lock_guard guard(condition_.guard_);
  condition_.waiters_.remove(node);
}

}  // namespace detail

}  // namespace saola::runtime
