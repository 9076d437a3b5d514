#include <algorithm>
#include <mutex>

#include <saola/base/log.hpp>
#include <saola/futures/errors.hpp>
#include <saola/futures/future_state.hpp>
#include <saola/runtime/task.hpp>

#include "worker_pool.hpp"

namespace saola::futures::detail {

bool StateBase::cancel() {
  guard_.lock();
  const Phase phase = phase_.load(std::memory_order_relaxed);
  if (phase != Phase::kPending) {
    guard_.unlock();
    return phase == Phase::kCancelled;
  }
  end(Phase::kCancelled);
  return true;
}

bool StateBase::request_stop() {
  if (cancel()) return true;
  return !done() && stop_.request_stop();
}

bool StateBase::wait(Deadline deadline) {
  if (done()) return true;
  const WorkerPool::Blocked blocked(pool());
  guard_.lock();
  if (done()) {
    guard_.unlock();
    return true;
  }
  switch (waiters_.wait(guard_, deadline)) {
    case runtime::Wake::kNotified:
      return true;
    case runtime::Wake::kTimedOut:
      return done();
    case runtime::Wake::kCancelled:
      break;
  }
  runtime::this_task::throw_cancelled();
}

void StateBase::add_callback(std::move_only_function<void()> callback) {
  {
    const std::lock_guard lock(guard_);
    if (!done()) {
      callbacks_.push_back(std::move(callback));
      return;
    }
  }
  run_logged("a done callback", callback);
}

bool StateBase::add_observer(Observer& observer) {
  const std::lock_guard lock(guard_);
  if (done()) return false;
  observers_.push_back(&observer);
  return true;
}

void StateBase::remove_observer(Observer& observer) {
  const std::lock_guard lock(guard_);
  std::erase(observers_, &observer);
}

bool StateBase::start() {
  const std::lock_guard lock(guard_);
  switch (phase_.load(std::memory_order_relaxed)) {
    case Phase::kPending:
      phase_.store(Phase::kRunning, std::memory_order_release);
      return true;
    case Phase::kCancelled:
      return false;
    case Phase::kRunning:
    case Phase::kSetting:
    case Phase::kFinished:
      break;
  }
  throw InvalidStateError("the work of a future was started twice");
}

bool StateBase::try_claim() {
  const std::lock_guard lock(guard_);
  const Phase phase = phase_.load(std::memory_order_relaxed);
  if (phase != Phase::kPending && phase != Phase::kRunning) return false;
  phase_.store(Phase::kSetting, std::memory_order_release);
  return true;
}

void StateBase::claim() {
  if (try_claim()) return;
  throw InvalidStateError(phase() == Phase::kCancelled
                              ? "a result was set for a future that had been cancelled"
                              : "a result was set twice for one future");
}

void StateBase::abandon() {
  if (!try_claim()) return;
  error_ = std::make_exception_ptr(BrokenPromise());
  finish();
}

void StateBase::fail(std::exception_ptr error) {
  claim();
  error_ = std::move(error);
  finish();
}

void StateBase::finish() {
  guard_.lock();
  end(Phase::kFinished);
}

void StateBase::end(Phase phase) {
  phase_.store(phase, std::memory_order_release);
  waiters_.notify_all();
  for (Observer* observer : observers_) observer->done(*this);
  observers_.clear();
  auto callbacks = std::exchange(callbacks_, {});
  guard_.unlock();
  for (auto& callback : callbacks) run_logged("a done callback", callback);
}

}  // namespace saola::futures::detail
