// The states of a job and every step between them, as one pure function. docs/state_machine.md
// draws it and says who causes which step.
//
//   next_state(State::kRunning, Event::kFail, {.attempts_left = true})    // kRetryable
//   next_state(State::kCompleted, Event::kRetry, {})                      // kConflict
#pragma once

#include <string_view>

#include <saola/base/error.hpp>
#include <saola/jobs/job.hpp>

namespace saola::jobs {

// What may happen to a job, by the name of the Store's verb where there is one.
enum class Event {
  kPromote,        // scheduled_at has come
  kClaim,          // a worker takes the job under a lease
  kComplete,       // the attempt has a result
  kFail,           // the attempt failed; another may mend it
  kDiscard,        // the attempt failed in a way that repeating cannot mend
  kLose,           // the lease expired, or its owner died
  kSnooze,         // the attempt asks for a later time
  kRequeue,        // the worker shuts down and gives the job back
  kCancel,         // a client or operator asks to stop
  kConfirmCancel,  // the attempt has stopped
  kRetry,          // an operator asks for another run
};
// For tests that walk them all.
inline constexpr Event kAllEvents[] = {Event::kPromote,       Event::kClaim,   Event::kComplete,
                                       Event::kFail,          Event::kDiscard, Event::kLose,
                                       Event::kSnooze,        Event::kRequeue, Event::kCancel,
                                       Event::kConfirmCancel, Event::kRetry};

// "promote", "claim", …, as error texts have it: "a job that is completed cannot retry".
std::string_view to_string(Event event);

// What decides where a running job goes. In other states it makes no difference.
struct Facts {
  bool cancel_requested = false;
  // Whether another attempt is allowed, were this one to fail.
  bool attempts_left = true;
};

// The state after `event`, or kConflict when the event does not apply to `state`.
//
// kCancel of a running job answers kRunning: the request is noted and delivered with the next
// renewal. Once it is noted, kFail, kDiscard, kLose, kSnooze and kRequeue end in kCancelled;
// kComplete keeps the result. kCancel of a cancelled job answers kCancelled, so that a client may
// repeat it.
Result<State> next_state(State state, Event event, Facts facts);

}  // namespace saola::jobs
