#include <utility>

#include <saola/jobs/state_machine.hpp>

namespace saola::jobs {

std::string_view to_string(Event event) {
  switch (event) {
    case Event::kPromote:
      return "promote";
    case Event::kClaim:
      return "claim";
    case Event::kComplete:
      return "complete";
    case Event::kFail:
      return "fail";
    case Event::kDiscard:
      return "discard";
    case Event::kLose:
      return "lose";
    case Event::kSnooze:
      return "snooze";
    case Event::kRequeue:
      return "requeue";
    case Event::kCancel:
      return "cancel";
    case Event::kConfirmCancel:
      return "confirm_cancel";
    case Event::kRetry:
      return "retry";
  }
  std::unreachable();
}

Result<State> next_state(State state, Event event, Facts facts) {
  // What ends an attempt without a result: a noted wish to cancel wins.
  const auto unless_cancelled = [&](State next) {
    return facts.cancel_requested ? State::kCancelled : next;
  };
  switch (state) {
    case State::kScheduled:
      if (event == Event::kPromote) return State::kAvailable;
      if (event == Event::kCancel) return State::kCancelled;
      break;
    case State::kRetryable:
      if (event == Event::kPromote || event == Event::kRetry) return State::kAvailable;
      if (event == Event::kCancel) return State::kCancelled;
      break;
    case State::kAvailable:
      if (event == Event::kClaim) return State::kRunning;
      if (event == Event::kCancel) return State::kCancelled;
      break;
    case State::kRunning:
      if (event == Event::kComplete) return State::kCompleted;
      if (event == Event::kFail || event == Event::kLose) {
        return unless_cancelled(facts.attempts_left ? State::kRetryable : State::kDiscarded);
      }
      if (event == Event::kDiscard) return unless_cancelled(State::kDiscarded);
      if (event == Event::kSnooze) return unless_cancelled(State::kScheduled);
      if (event == Event::kRequeue) return unless_cancelled(State::kAvailable);
      if (event == Event::kCancel) return State::kRunning;
      if (event == Event::kConfirmCancel) return State::kCancelled;
      break;
    case State::kCancelled:
      if (event == Event::kRetry) return State::kAvailable;
      if (event == Event::kCancel) return State::kCancelled;
      break;
    case State::kDiscarded:
      if (event == Event::kRetry) return State::kAvailable;
      break;
    case State::kCompleted:
      break;
  }
  return fail(ErrorCode::kConflict, "a job that is {} cannot {}", to_string(state),
              to_string(event));
}

}  // namespace saola::jobs
