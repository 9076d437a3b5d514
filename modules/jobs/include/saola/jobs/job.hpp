// The job: what a client asked for, where it stands, and who works on it. Plain values; a store
// hands out copies.
//
//   const auto made = store.enqueue({.kind = "split", .payload = R"({"groups":3})"}, deadline);
//   if (made && is_final(made->job.state)) show(made->job.result.value_or("no result"));
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>

namespace saola::jobs {

// Every time in a job is UTC wall-clock time in whole microseconds, the resolution of every store.
using Micros = std::chrono::microseconds;
using Time = std::chrono::sys_time<Micros>;

// Where a job stands. docs/state_machine.md draws the steps between them.
enum class State {
  kScheduled,  // waits for scheduled_at
  kAvailable,  // may be claimed
  kRunning,    // an attempt holds a lease on it
  kRetryable,  // an attempt failed; waits for scheduled_at
  kCompleted,  // final: has a result
  kCancelled,  // final: somebody stopped it
  kDiscarded,  // final: failed too often, or in a way that repeating cannot mend
};
inline constexpr State kAllStates[] = {State::kScheduled, State::kAvailable, State::kRunning,
                                       State::kRetryable, State::kCompleted, State::kCancelled,
                                       State::kDiscarded};

// "scheduled", "available", …: the spelling in stores, documents and --json output.
std::string_view to_string(State state);
// nullopt: no state is spelled so.
std::optional<State> parse_state(std::string_view name);
// completed, cancelled or discarded.
bool is_final(State state);
// scheduled, available or retryable: counted against the queue limit.
bool is_waiting(State state);

// How far the running attempt says it is. Each claim begins at zero.
struct Progress {
  double fraction = 0;  // 0 … 1
  std::string message;
  bool operator==(const Progress&) const = default;
};

// Why one attempt did not complete: it failed, or its lease was taken away. At most one an attempt.
struct AttemptError {
  int attempt = 0;
  Time at;
  std::string text;
  bool operator==(const AttemptError&) const = default;
};

// The right to work on a job. It ends when somebody takes it away: take_back() of a lease that was
// watched for its whole length and not renewed, release_owner(), or the end of the attempt. Until
// then a late renewal is accepted: expires_at alone ends nothing.
struct Lease {
  // TaskWorkerOptions::owner of the worker that claimed the job.
  std::string owner;
  // By the owner's clock; who watches leases goes by their length and his own steady clock, so that
  // clocks need not agree.
  Time expires_at;
  // From a renewal to expires_at.
  Micros length{0};
  bool operator==(const Lease&) const = default;
};

// Names one attempt, as a fencing token does. Every write of an attempt carries it, and a store
// refuses the write with kConflict when the job no longer runs under exactly this attempt and
// owner.
struct LeaseToken {
  std::string job_id;
  int attempt = 0;
  std::string owner;
  bool operator==(const LeaseToken&) const = default;
};

// One job as the store has it. docs/state_machine.md says how the members move; Lifecycle moves
// them.
struct Job {
  std::string id;  // UUIDv7 text; sorts by time of creation
  std::string kind;
  std::string queue;
  State state = State::kAvailable;
  int attempt = 0;   // claims so far: the fencing token of the running attempt
  int failures = 0;  // attempts that count against max_attempts
  // Attempts that ended through no fault of the job: its worker shut down, or died while it ran
  // others too.
  int interruptions = 0;
  int max_attempts = 0;  // ≥ 1
  int priority = 0;      // the larger runs first
  Time created_at;
  Time scheduled_at;  // not to run before; once available: since when
  // The order within one priority: when it was enqueued, or the time it was scheduled for. Kept
  // over its attempts, so that an interrupted job does not go behind all that came after it. Only
  // an operator's retry, and upkeep after the clock was set back, give it another.
  Time place;
  // Of a wait for a length of time (not: until a time that a client named): when it began. A time
  // in the future shows that the clock was set back.
  std::optional<Time> waits_since;
  std::optional<Time> started_at;  // of the latest attempt
  std::optional<Time> finished_at;
  Micros timeout{0};  // of one attempt; zero: none
  Progress progress;
  // It ran in a worker that died while it ran others too. It runs alone until it has ended an
  // attempt itself, so that others do not die with it.
  bool suspect = false;
  bool cancel_requested = false;     // running, and asked to stop; delivered with the next renewal
  std::optional<Lease> lease;        // while running
  std::string idempotency_key;       // empty: none
  std::string unique_key;            // empty: none
  std::vector<AttemptError> errors;  // oldest first, at most kMaxErrors
  // The parts below may be large; list() leaves them out.
  std::string payload;                // JSON text, opaque to the store
  std::optional<std::string> result;  // JSON text, opaque to the store
  std::string checkpoint;             // bytes, opaque to the store

  // REQUIRES: lease.
  LeaseToken token() const { return {id, attempt, lease->owner}; }
  bool operator==(const Job&) const = default;
};
// Job::errors keeps the latest of so many.
inline constexpr std::size_t kMaxErrors = 20;

// Whether `text` can name a kind or queue: 1 … 64 characters of a-z A-Z 0-9 _ . -
bool is_name(std::string_view text);

// What enqueue() is asked to store; the defaults run once, now, with five attempts.
//
//   NewJob nightly{.kind = "report", .payload = R"({"day":"2026-11-25"})", .timeout = 10min};
//   nightly.idempotency_key = "report-2026-11-25";   // however often it is sent, one job
struct NewJob {
  // is_name().
  std::string kind;
  // is_name(). Only workers that name it in TaskWorkerOptions::queues run the job; each queue has
  // its own limit.
  std::string queue = "default";
  // JSON text; the store checks its size, not its grammar.
  std::string payload = "{}";
  // The larger runs first, within its queue.
  int priority = 0;
  // 1 … 100.
  int max_attempts = 5;
  // Not to run before; absent or past: at once.
  std::optional<Time> scheduled_at;
  // Time limit of one attempt; zero: none.
  Micros timeout{0};
  // At most 255 bytes; empty: none. A second enqueue of this kind with this key answers with the
  // first job as long as that is kept, whatever became of it; kConflict when the payload or the
  // queue differs.
  std::string idempotency_key;
  // At most 255 bytes; empty: none. While a job of this kind with this key is not final, enqueue
  // answers with it, whatever its payload. Independent of idempotency_key, which is looked at
  // first.
  std::string unique_key;
};

}  // namespace saola::jobs
