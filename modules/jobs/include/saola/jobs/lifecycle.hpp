// What each verb does to one job: pure rules, shared by all stores, so that a job comes to the same
// end whatever holds it. state_machine.hpp says where a job goes; this says what else changes on
// the way: lease, counters, times, errors.
//
//   Lifecycle rules(options);
//   Job job = rules.create({.kind = "split"});
//   rules.claim(job, "task 1", 15s);                    // running, attempt 1
//   rules.fail(job, {.text = "no such file"});          // retryable, after a backoff
#pragma once

#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/jobs/job.hpp>
#include <saola/jobs/job_id.hpp>
#include <saola/jobs/state_machine.hpp>
#include <saola/jobs/store.hpp>

namespace saola::jobs {

// Claim order within a queue: priority down, place up, id up. A strict total order of jobs that
// differ in id.
bool claimed_before(const Job& a, const Job& b);

// Uniform in [0, min(cap, base × 2^(failures − 1))]; `random` supplies the position. REQUIRES:
// failures ≥ 1.
//
//   backoff_delay({.base = 2s, .cap = 10min}, 3, random)       // 0 … 8 s
Micros backoff_delay(const Backoff& backoff, int failures, std::uint64_t random);

// Changes jobs according to the state machine. A call that fails (kConflict: not in this state;
// kTooLarge) has changed nothing. Reads options.clock for every time it writes. Not thread-safe,
// for create() counts; the const calls are, if clock and random are.
class Lifecycle {
 public:
  explicit Lifecycle(StoreOptions options);

  const StoreOptions& options() const { return options_; }
  // The wall clock in whole microseconds, rounded down.
  Time now() const;

  // Whether create() would take `request`. kInvalidArgument: kind or queue, a key longer than 255
  // bytes, max_attempts, a negative timeout; kTooLarge: the payload.
  Result<void> check_new(const NewJob& request) const;
  // A new job: available, or scheduled when its time is to come. REQUIRES: check_new(request).
  Job create(const NewJob& request);

  // kConflict unless `job` runs under exactly this token.
  static Result<void> check_token(const Job& job, const LeaseToken& token);

  // The moves of docs/state_machine.md by their names, one attempt's claim first. The caller has
  // checked that the lease is the attempt's (check_token()), and writes `job` back.
  Result<void> claim(Job& job, std::string_view owner, Micros lease) const;
  // The lease ends `lease` from now. REQUIRES: running.
  void renew(Job& job, Micros lease) const;
  // Cut to what a store keeps; a fraction that is not a number is 0.
  static void set_progress(Job& job, const Progress& progress);
  Result<void> set_checkpoint(Job& job, std::string_view checkpoint) const;
  // Keeps the result, clears the checkpoint, and the job is no suspect any more.
  Result<void> complete(Job& job, std::string_view result) const;
  // Counts a failure and notes its text. Retryable after request.retry_after or the backoff.
  Result<void> fail(Job& job, const FailRequest& request) const;
  // The lease was taken away; `why` becomes the attempt's error. `alone`: its owner held no other.
  // Then the attempt failed, for the job may be what killed the worker; else nobody knows which one
  // it was, and each becomes a suspect.
  Result<void> lose(Job& job, std::string_view why, bool alone) const;
  // To scheduled for `delay`; to available when that is zero or less.
  Result<void> snooze(Job& job, Micros delay) const;
  // To available, in its old place: its worker shuts down. Counts an interruption.
  Result<void> requeue(Job& job) const;
  // A running job only notes the wish; the attempt then ends by confirm_cancelled() or otherwise.
  Result<void> cancel(Job& job) const;
  Result<void> confirm_cancelled(Job& job) const;
  // To available with all its attempts before it and a new place.
  Result<void> retry(Job& job) const;
  // The job's time has come at `now`; or it never would, as the clock was set back since the wait
  // began: then the wait begins anew.
  Result<void> promote(Job& job, Time now) const;
  // The place of an available or running job lay in the future, as the clock was set back since.
  void take_place(Job& job, Time place) const;
  // The job finished at a time that has not come yet: it finishes now.
  void finish_now(Job& job) const;

 private:
  Result<void> step(Job& job, Event event) const;
  void note_error(Job& job, std::string_view text) const;
  void wait(Job& job, Micros delay) const;

  StoreOptions options_;
  JobIdSource ids_;
};

}  // namespace saola::jobs
