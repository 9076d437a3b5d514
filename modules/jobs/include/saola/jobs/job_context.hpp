// What the code of a job sees: its input, its orders to stop, and where to leave progress and
// checkpoints; and what it may answer.
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

// How an attempt ended.
struct Done {
  std::string result = "{}";  // JSON text
};
struct Retry {
  std::string error;
  // Absent: the store's backoff decides.
  std::optional<Micros> after = std::nullopt;
};
struct Discard {
  std::string error;
};
struct Cancelled {};
// Not counted as a failure.
struct Snooze {
  Micros delay{0};
};
using Outcome = std::variant<Done, Retry, Discard, Cancelled, Snooze>;

enum class StopReason {
  kNone,
  kCancelRequested,  // somebody cancelled the job
  kLeaseLost,        // another attempt may run: whatever this one answers is dropped
  kTimedOut,         // the job's own time limit has passed: the attempt fails
  kShutdown,         // the worker ends: the job goes back to the queue, its checkpoint is kept
};
std::string_view to_string(StopReason reason);

// Lives as long as the handler's call; used by the thread that runs it, and stop_token() by any.
class JobContext {
 public:
  virtual ~JobContext() = default;

  // The job as claimed, with payload, attempt and the checkpoint of an earlier attempt.
  virtual const Job& job() const = 0;

  // Fires when the handler should return soon; stop_reason() says why. What it answers then, other
  // than Done or Discard, is replaced by what the reason calls for, an exception too.
  virtual std::stop_token stop_token() const = 0;
  virtual StopReason stop_reason() const = 0;
  // When stop_token() fires for the job's time limit.
  virtual Deadline deadline() const = 0;

  // Leaves the latest progress for the heartbeat thread, which stores it a few times a second.
  // Takes no lock and never waits.
  virtual void progress(double fraction, std::string_view message = {}) = 0;
  // Stores `bytes` for the next attempt; durable when it returns. Blocks for some milliseconds.
  // kConflict: the lease is lost; kTooLarge; kUnavailable and kResourceExhausted: try again later.
  virtual Result<void> save_checkpoint(std::string_view bytes) = 0;
};

// Runs one attempt on a native thread of its own and may take hours. An exception is an outcome
// too: Retry with its text.
using Handler = std::function<Outcome(JobContext&)>;

}  // namespace saola::jobs
