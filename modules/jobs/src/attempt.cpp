#include "attempt.hpp"

#include <exception>
#include <utility>

#include <fmt/core.h>

#include <saola/base/exception_text.hpp>
#include <saola/runtime/task.hpp>

namespace saola::jobs {
namespace {

Deadline limit(Micros timeout) {
  return timeout == Micros::zero() ? Deadline::never() : Deadline::after(timeout);
}

// What to write instead of an outcome other than Done and Discard.
std::string time_limit_text(Micros timeout) {
  return fmt::format("the attempt exceeded its time limit of {:g} s",
                     std::chrono::duration<double>(timeout).count());
}

}  // namespace

std::string_view to_string(StopReason reason) {
  switch (reason) {
    case StopReason::kNone:
      return "none";
    case StopReason::kCancelRequested:
      return "cancel_requested";
    case StopReason::kLeaseLost:
      return "lease_lost";
    case StopReason::kTimedOut:
      return "timed_out";
    case StopReason::kShutdown:
      return "shutdown";
  }
  std::unreachable();
}

Attempt::Attempt(Job job, std::function<void()> notify)
    : job_(std::move(job)), notify_(std::move(notify)), deadline_(limit(job_.timeout)) {}

void Attempt::run(const Handler& handler) {
  // For lists of tasks.
  runtime::this_task::set_activity(fmt::format("job {} {}", job_.id, job_.kind));
  try {
    outcome_ = handler(*this);
  } catch (...) {
    outcome_ = Retry{exception_text(std::current_exception())};
  }
  runtime::this_task::set_activity({});
  // The keeper looks a few times a second; a handler that minds its deadline is quicker.
  if (deadline_.passed()) request_stop(StopReason::kTimedOut);
  finished_.store(true, std::memory_order_release);
  notify_();
}

void Attempt::progress(double fraction, std::string_view message) {
  progress_.post(std::make_unique<Progress>(fraction, std::string(message)));
}

Result<void> Attempt::save_checkpoint(std::string_view bytes) {
  auto request = std::make_unique<CheckpointRequest>(std::string(bytes));
  std::future<Result<void>> done = request->done.get_future();
  checkpoint_.post(std::move(request));
  notify_();
  return done.get();
}

void Attempt::request_stop(StopReason reason) {
  StopReason none = StopReason::kNone;
  if (reason == StopReason::kLeaseLost) {
    reason_.store(reason, std::memory_order_release);
  } else {
    reason_.compare_exchange_strong(none, reason, std::memory_order_acq_rel);
  }
  stop_.request_stop();
}

Result<void> Attempt::store_outcome(Store& store, Deadline deadline) const {
  const StopReason reason = stop_reason();
  if (reason == StopReason::kLeaseLost) return {};
  if (const auto* done = std::get_if<Done>(&outcome_)) {
    auto stored = store.complete(token(), done->result, deadline);
    if (stored || stored.error().code() != ErrorCode::kTooLarge) return stored;
    const FailRequest too_large{stored.error().text(), FailRequest::Next::kDiscard};
    return store.fail(token(), too_large, deadline);
  }
  if (const auto* discard = std::get_if<Discard>(&outcome_)) {
    return store.fail(token(), {discard->error, FailRequest::Next::kDiscard}, deadline);
  }
  switch (reason) {
    case StopReason::kCancelRequested:
      return store.confirm_cancelled(token(), deadline);
    case StopReason::kTimedOut:
      return store.fail(token(), {time_limit_text(job_.timeout)}, deadline);
    case StopReason::kShutdown:
      return store.requeue(token(), deadline);
    case StopReason::kNone:
    case StopReason::kLeaseLost:
      break;
  }
  if (const auto* retry = std::get_if<Retry>(&outcome_)) {
    return store.fail(token(), {.text = retry->error, .retry_after = retry->after}, deadline);
  }
  if (const auto* snooze = std::get_if<Snooze>(&outcome_)) {
    return store.snooze(token(), snooze->delay, deadline);
  }
  return store.confirm_cancelled(token(), deadline);
}

std::string_view Attempt::outcome_name() const {
  if (stop_reason() == StopReason::kLeaseLost) return "lease_lost";
  constexpr std::string_view kNames[] = {"done", "retry", "discard", "cancelled", "snooze"};
  if (outcome_.index() == 0 || outcome_.index() == 2 || stop_reason() == StopReason::kNone) {
    return kNames[outcome_.index()];
  }
  return to_string(stop_reason());
}

}  // namespace saola::jobs
