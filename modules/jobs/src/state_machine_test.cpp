#include <map>
#include <string>

#include <gtest/gtest.h>

#include <saola/jobs/state_machine.hpp>

namespace saola::jobs {
namespace {

std::string next(State state, Event event, Facts facts = {}) {
  const auto result = next_state(state, event, facts);
  if (result) return std::string(to_string(*result));
  EXPECT_EQ(result.error().code(), ErrorCode::kConflict);
  return "-";
}

// The whole table of docs/state_machine.md: every state with every event, nothing noted or
// exhausted.
TEST(StateMachine, EveryStateAndEvent) {
  const std::map<State, std::map<Event, std::string>> moves = {
      {State::kScheduled, {{Event::kPromote, "available"}, {Event::kCancel, "cancelled"}}},
      {State::kAvailable, {{Event::kClaim, "running"}, {Event::kCancel, "cancelled"}}},
      {State::kRunning,
       {{Event::kComplete, "completed"},
        {Event::kFail, "retryable"},
        {Event::kDiscard, "discarded"},
        {Event::kLose, "retryable"},
        {Event::kSnooze, "scheduled"},
        {Event::kRequeue, "available"},
        {Event::kCancel, "running"},
        {Event::kConfirmCancel, "cancelled"}}},
      {State::kRetryable,
       {{Event::kPromote, "available"},
        {Event::kCancel, "cancelled"},
        {Event::kRetry, "available"}}},
      {State::kCompleted, {}},
      {State::kCancelled, {{Event::kCancel, "cancelled"}, {Event::kRetry, "available"}}},
      {State::kDiscarded, {{Event::kRetry, "available"}}},
  };
  for (const State state : kAllStates) {
    for (const Event event : kAllEvents) {
      const auto& from = moves.at(state);
      const auto it = from.find(event);
      EXPECT_EQ(next(state, event), it == from.end() ? "-" : it->second)
          << to_string(state) << " " << to_string(event);
    }
  }
}

TEST(StateMachine, TheLastAttemptDiscards) {
  const Facts last{.attempts_left = false};
  EXPECT_EQ(next(State::kRunning, Event::kFail, last), "discarded");
  EXPECT_EQ(next(State::kRunning, Event::kLose, last), "discarded");
  EXPECT_EQ(next(State::kRunning, Event::kRequeue, last), "available");
  EXPECT_EQ(next(State::kRunning, Event::kSnooze, last), "scheduled");
}

TEST(StateMachine, ANotedCancelWinsOverEverythingButAResult) {
  for (const bool attempts_left : {true, false}) {
    const Facts noted{.cancel_requested = true, .attempts_left = attempts_left};
    for (const Event event : {Event::kFail, Event::kDiscard, Event::kLose, Event::kSnooze,
                              Event::kRequeue, Event::kConfirmCancel}) {
      EXPECT_EQ(next(State::kRunning, event, noted), "cancelled") << to_string(event);
    }
    EXPECT_EQ(next(State::kRunning, Event::kComplete, noted), "completed");
  }
}

TEST(StateMachine, NamesGoBothWays) {
  for (const State state : kAllStates) EXPECT_EQ(parse_state(to_string(state)), state);
  EXPECT_FALSE(parse_state("Running"));
}

TEST(StateMachine, AStateIsWaitingRunningOrFinal) {
  for (const State state : kAllStates) {
    EXPECT_EQ(is_waiting(state) + is_final(state) + (state == State::kRunning), 1)
        << to_string(state);
  }
}

}  // namespace
}  // namespace saola::jobs
