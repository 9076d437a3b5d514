// What each verb does to one job: pure rules, shared by all stores.
#pragma once

#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/jobs/job.hpp>
#include <saola/jobs/job_id.hpp>
#include <saola/jobs/state_machine.hpp>
#include <saola/jobs/store.hpp>

namespace saola::jobs {

// Claim order within a queue: priority down, place up, id up.
bool claimed_before(const Job& a, const Job& b);

// Uniform in [0, min(cap, base × 2^(failures − 1))]; `random` supplies the position. REQUIRES:
// failures ≥ 1.
Micros backoff_delay(const Backoff& backoff, int failures, std::uint64_t random);

// Changes jobs according to the state machine. A call that fails has changed nothing. Not
// thread-safe.
class Lifecycle {
 public:
  explicit Lifecycle(StoreOptions options);

  const StoreOptions& options() const { return options_; }
  Time now() const;

  Result<void> check_new(const NewJob& request) const;
  Job create(const NewJob& request);

  // kConflict unless `job` runs under exactly this token.
  static Result<void> check_token(const Job& job, const LeaseToken& token);

  Result<void> claim(Job& job, std::string_view owner, Micros lease) const;
  void renew(Job& job, Micros lease) const;
  static void set_progress(Job& job, const Progress& progress);
  Result<void> set_checkpoint(Job& job, std::string_view checkpoint) const;
  Result<void> complete(Job& job, std::string_view result) const;
  Result<void> fail(Job& job, const FailRequest& request) const;
  // The lease was taken away; `why` becomes the attempt's error. `alone`: its owner held no other.
  // Then the attempt failed, for the job may be what killed the worker; else nobody knows which one
  // it was, and each becomes a suspect.
  Result<void> lose(Job& job, std::string_view why, bool alone) const;
  Result<void> snooze(Job& job, Micros delay) const;
  Result<void> requeue(Job& job) const;
  Result<void> cancel(Job& job) const;
  Result<void> confirm_cancelled(Job& job) const;
  Result<void> retry(Job& job) const;
  // The job's time has come; or it never would, as the clock was set back since the wait began:
  // then the wait begins anew.
  Result<void> promote(Job& job) const;
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
