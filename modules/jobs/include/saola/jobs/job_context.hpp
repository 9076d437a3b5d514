// What the code of a job sees: its input, its orders to stop, and where to leave progress and
// checkpoints; and what it may answer.
//
//   Outcome copy_lines(JobContext& context) {
//     std::size_t line = parse_number(context.job().checkpoint);    // 0 in the first attempt
//     for (; line < kLines; ++line) {
//       if (context.stop_token().stop_requested()) {
//         (void)context.save_checkpoint(std::to_string(line));
//         return Retry{"stopped"};             // stop_reason() decides what becomes of it
//       }
//       if (!copy(line)) return Retry{"the target is not there"};   // again after a backoff
//       context.progress(double(line) / kLines, "copying");
//     }
//     return Done{R"({"lines":1000})"};
//   }
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/jobs/job.hpp>

namespace saola::jobs {

// It has its result: completed. A result larger than the store takes discards the job instead.
struct Done {
  std::string result = "{}";  // JSON text
};
// It failed and another attempt may mend it: retryable, or discarded when that was the last one.
struct Retry {
  std::string error;
  // Wait so long; absent: the store's backoff decides.
  std::optional<Micros> after = std::nullopt;
};
// It failed in a way that repeating cannot mend, such as bad input: discarded.
struct Discard {
  std::string error;
};
// It stopped because somebody asked for it: cancelled.
struct Cancelled {};
// Not now: scheduled, to run again after `delay`; zero: at once. Counts neither as a failure nor as
// an interruption.
struct Snooze {
  Micros delay{0};
};
// How an attempt ended: what a Handler returns.
using Outcome = std::variant<Done, Retry, Discard, Cancelled, Snooze>;

// Why stop_token() fired. The first reason stays, but a lost lease overrides every other.
enum class StopReason {
  kNone,
  kCancelRequested,  // somebody cancelled the job
  kLeaseLost,        // another attempt may run: whatever this one answers is dropped
  kTimedOut,         // the job's own time limit has passed: the attempt fails
  kShutdown,         // the worker ends: the job goes back to the queue, its checkpoint is kept
};
// "none", "cancel_requested", "lease_lost", "timed_out", "shutdown".
std::string_view to_string(StopReason reason);

// One attempt, as its handler sees it. Lives as long as the handler's call. Used by the thread that
// runs it; stop_token() and its copies by any, so that a handler may pass them to threads of its
// own.
class JobContext {
 public:
  virtual ~JobContext() = default;

  // The job as claimed, with payload, attempt and the checkpoint of an earlier attempt (empty:
  // none). Later changes, a cancel for example, do not show here.
  virtual const Job& job() const = 0;

  // Fires when the handler should return soon, at most TaskWorkerOptions::tick after the cause;
  // stop_reason() says why. What it answers then, other than Done or Discard, is replaced by what
  // the reason calls for, an exception too: kCancelRequested cancels, kTimedOut fails, kShutdown
  // requeues. After kLeaseLost every answer is dropped.
  virtual std::stop_token stop_token() const = 0;
  // kNone as long as nobody asked.
  virtual StopReason stop_reason() const = 0;
  // When stop_token() fires for the job's time limit; never() when it has none. For calls that the
  // handler makes: get(name, sink, {.deadline = context.deadline()}).
  virtual Deadline deadline() const = 0;

  // Leaves the latest progress for the heartbeat thread, which stores it every tick; progress left
  // between two ticks is dropped for newer. The fraction is cut to 0 … 1, the message to 1 KiB.
  // Takes no lock and never waits: call it as often as you like.
  virtual void progress(double fraction, std::string_view message = {}) = 0;
  // Stores `bytes` for the next attempt, in place of an earlier checkpoint; durable when it
  // returns. Blocks for some milliseconds, and for some seconds when the store is slow. kConflict:
  // the lease is lost, so stop; kNotFound: the job was deleted; kTooLarge
  // (StoreOptions::max_checkpoint); kTimedOut, kUnavailable and kResourceExhausted: try again
  // later. The handler may go on after any of them.
  virtual Result<void> save_checkpoint(std::string_view bytes) = 0;
};

// The code of one kind of job. Runs one attempt on a native thread and may take hours. Several
// attempts at different jobs may run at once, each on its own thread. An exception is an outcome
// too: Retry with its text.
using Handler = std::function<Outcome(JobContext&)>;

}  // namespace saola::jobs
