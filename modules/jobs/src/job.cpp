#include <utility>

#include <saola/jobs/job.hpp>

namespace saola::jobs {

std::string_view to_string(State state) {
  switch (state) {
    case State::kScheduled:
      return "scheduled";
    case State::kAvailable:
      return "available";
    case State::kRunning:
      return "running";
    case State::kRetryable:
      return "retryable";
    case State::kCompleted:
      return "completed";
    case State::kCancelled:
      return "cancelled";
    case State::kDiscarded:
      return "discarded";
  }
  std::unreachable();
}

std::optional<State> parse_state(std::string_view name) {
  for (const State state : kAllStates) {
    if (to_string(state) == name) return state;
  }
  return std::nullopt;
}

bool is_final(State state) {
  return state == State::kCompleted || state == State::kCancelled || state == State::kDiscarded;
}

bool is_waiting(State state) {
  return !is_final(state) && state != State::kRunning;
}

}  // namespace saola::jobs
