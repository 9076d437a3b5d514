// What the function of a task sees of its job, and what it may return.
#pragma once

#include <concepts>
#include <exception>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/jobs/job_context.hpp>
#include <saola/objects/object_store.hpp>
#include <saola/web/described.hpp>

namespace saola {

// Unwinds a task's function that was asked to stop; see Job::throw_if_stopped().
class JobStopped : public std::exception {
 public:
  const char* what() const noexcept override { return "the job was asked to stop"; }
};

// One attempt at a job. Lives as long as the function's call; used by its thread, stop_token() by
// any.
class Job {
 public:
  // `objects` are the configured buckets. Both must outlive it.
  Job(jobs::JobContext& context, objects::ObjectStore& objects)
      : context_(context), objects_(objects) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  const std::string& id() const { return context_.job().id; }
  // 1 for the first.
  int attempt() const { return context_.job().attempt; }

  // Shown to whoever watches the job: `fraction` 0 … 1. Cheap: never waits.
  void progress(double fraction, std::string_view message = {}) {
    context_.progress(fraction, message);
  }

  // Somebody cancelled the job, its time is over, or its worker ends: return soon, whatever; or ask
  // with throw_if_stopped() now and then. A job whose worker ends goes back to the queue.
  bool stop_requested() const { return context_.stop_token().stop_requested(); }
  std::stop_token stop_token() const { return context_.stop_token(); }
  void throw_if_stopped() const {
    if (stop_requested()) throw JobStopped();
  }
  // When stop_token() fires for the job's time limit.
  Deadline deadline() const { return context_.deadline(); }

  // What an earlier attempt saved last; empty: nothing.
  const std::string& checkpoint() const { return context_.job().checkpoint; }
  // Keeps `bytes` for the next attempt; durable when it returns. Blocks for some milliseconds.
  // Errors as JobContext::save_checkpoint().
  Result<void> save_checkpoint(std::string_view bytes) { return context_.save_checkpoint(bytes); }

  // The object "s3://bucket/key" of a configured bucket, and the other way; both end with the job
  // (kCancelled, kTimedOut). kTooLarge for more than `max_bytes`. Others as ObjectStore's calls.
  Result<std::string> download(std::string_view name, std::uint64_t max_bytes = 1 << 30) const;
  Result<void> upload(std::string_view name, std::string_view bytes) const;

  // The configured buckets (--bucket NAME=DIRECTORY).
  objects::ObjectStore& objects() const { return objects_; }
  // All there is to know about the job.
  jobs::JobContext& context() const { return context_; }

 private:
  jobs::JobContext& context_;
  objects::ObjectStore& objects_;
};

// How a failure ends an attempt: input that is wrong or missing discards the job, for repeating
// cannot mend it; a peer or store that is away lets it be tried again.
jobs::Outcome outcome_of(const Error& error);

namespace detail {

template <typename T>
inline constexpr bool kIsResult = false;
template <typename T>
inline constexpr bool kIsResult<Result<T>> = true;

// The outcome of a function that returned `value`.
template <typename R>
jobs::Outcome outcome_from(R value) {
  if constexpr (std::constructible_from<jobs::Outcome, R>) {
    return jobs::Outcome(std::move(value));
  } else if constexpr (kIsResult<R>) {
    if (!value) return outcome_of(value.error());
    if constexpr (std::is_void_v<typename R::value_type>) {
      return jobs::Done{};
    } else {
      return outcome_from(*std::move(value));
    }
  } else {
    return jobs::Done{web::to_json_text(value)};
  }
}

template <typename F, typename... Args>
jobs::Outcome run_task(const F& function, Args&... args) {
  if constexpr (std::is_void_v<std::invoke_result_t<const F&, Args&...>>) {
    function(args...);
    return jobs::Done{};
  } else {
    return outcome_from(function(args...));
  }
}

}  // namespace detail
}  // namespace saola
