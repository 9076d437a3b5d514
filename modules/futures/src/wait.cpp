#include <deque>
#include <mutex>

#include <saola/futures/wait.hpp>
#include <saola/runtime/task.hpp>

#include "worker_pool.hpp"

namespace saola::futures::detail {
namespace {

WorkerPool* first_pool(std::span<StateBase* const> states) {
  for (StateBase* state : states) {
    if (!state->done() && state->pool() != nullptr) return state->pool();
  }
  return nullptr;
}

bool has_failed(const StateBase& state) {
  return state.phase() == Phase::kFinished && state.error() != nullptr;
}

// Counts down the futures that must end.
class Countdown final : public Observer {
 public:
  Countdown(std::size_t needed, ReturnWhen when) : needed_(needed), when_(when) {}

  void done(StateBase& state) override {
    const std::lock_guard lock(guard_);
    if (needed_ == 0) return;
    --needed_;
    if (when_ == ReturnWhen::kFirstCompleted ||
        (when_ == ReturnWhen::kFirstException && has_failed(state))) {
      needed_ = 0;
    }
    if (needed_ == 0) reached_.notify_all();
  }

  runtime::Wake wait(Deadline deadline) {
    guard_.lock();
    if (needed_ == 0) {
      guard_.unlock();
      return runtime::Wake::kNotified;
    }
    return reached_.wait(guard_, deadline);
  }

 private:
  runtime::SpinLock guard_;
  std::size_t needed_;                                      // GUARDED_BY(guard_)
  runtime::WaitQueue reached_{runtime::WaitKind::kFuture};  // GUARDED_BY(guard_)
  const ReturnWhen when_;
};

}  // namespace

void wait_for(std::span<StateBase* const> states, Deadline deadline, ReturnWhen when) {
  if (states.empty()) return;
  Countdown countdown(states.size(), when);
  for (StateBase* state : states) {
    if (!state->add_observer(countdown)) countdown.done(*state);
  }
  runtime::Wake wake = runtime::Wake::kNotified;
  {
    const WorkerPool::Blocked blocked(first_pool(states));
    wake = countdown.wait(deadline);
  }
  for (StateBase* state : states) state->remove_observer(countdown);
  if (wake == runtime::Wake::kCancelled) runtime::this_task::throw_cancelled();
}

class Completions::Watch final : public Observer {
 public:
  explicit Watch(std::vector<StateBase*> states)
      : states_(std::move(states)), left_(states_.size()) {
    for (std::size_t i = 0; i < states_.size(); ++i) places_.emplace_back(states_[i], i);
    std::ranges::sort(places_);
    for (StateBase* state : states_) {
      if (!state->add_observer(*this)) done(*state);
    }
  }
  ~Watch() {
    for (StateBase* state : states_) state->remove_observer(*this);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void done(StateBase& state) override {
    const std::lock_guard lock(guard_);
    ended_.push_back(&state);
    arrived_.notify_one();
  }

  std::optional<std::size_t> next(Deadline deadline) {
    guard_.lock();
    if (left_ == 0) {
      guard_.unlock();
      return std::nullopt;
    }
    if (ended_.empty()) {
      guard_.unlock();
      const WorkerPool::Blocked blocked(first_pool(states_));
      guard_.lock();
      while (ended_.empty()) {
        const runtime::Wake wake = arrived_.wait(guard_, deadline);
        guard_.lock();
        if (wake == runtime::Wake::kNotified || !ended_.empty()) continue;
        guard_.unlock();
        if (wake == runtime::Wake::kCancelled) runtime::this_task::throw_cancelled();
        throw TimeoutError();
      }
    }
    StateBase* state = ended_.front();
    ended_.pop_front();
    --left_;
    guard_.unlock();
    return std::ranges::lower_bound(places_, state, {}, &std::pair<StateBase*, std::size_t>::first)
        ->second;
  }

 private:
  const std::vector<StateBase*> states_;
  std::vector<std::pair<StateBase*, std::size_t>> places_;  // sorted by state
  runtime::SpinLock guard_;
  std::deque<StateBase*> ended_;  // GUARDED_BY(guard_): in the order they ended
  std::size_t left_;              // GUARDED_BY(guard_): not handed out
  runtime::WaitQueue arrived_{runtime::WaitKind::kFuture};  // GUARDED_BY(guard_)
};

Completions::Completions(std::vector<StateBase*> states)
    : watch_(std::make_unique<Watch>(std::move(states))) {}
Completions::Completions(Completions&&) noexcept = default;
Completions::~Completions() = default;

std::optional<std::size_t> Completions::next(Deadline deadline) {
  return watch_->next(deadline);
}

}  // namespace saola::futures::detail
