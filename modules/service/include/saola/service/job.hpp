// What the function of a task sees of its job, and what it may return.
//
//   service.task<SplitArgs>("split", [](saola::Job& job, const SplitArgs& args) -> Result<Groups> {
//     auto table = job.download(args.source);
//     if (!table) return fail(table);     // see outcome_of()
//     Search search(*table, args.groups);
//     while (!search.done()) {
//       job.throw_if_stopped();
//       search.step();
//       job.progress(search.fraction());
//     }
//     return search.best();                                   // described: the job's result
//   });
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

// Unwinds a task's function that was asked to stop; see Job::throw_if_stopped(). As an outcome it
// counts for nothing by itself: why the job was asked to stop decides.
class JobStopped : public std::exception {
 public:
  const char* what() const noexcept override { return "the job was asked to stop"; }
};

// One attempt at a job, as the function of its task sees it: its orders, and where to leave
// progress, results and checkpoints. Lives as long as the function's call; used by its thread,
// stop_token() by any.
class Job {
 public:
  // `objects` are the configured buckets. Both must outlive it.
  Job(jobs::JobContext& context, objects::ObjectStore& objects)
      : context_(context), objects_(objects) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // The job's id, as in GET /jobs/ID.
  const std::string& id() const { return context_.job().id; }
  // 1 for the first.
  int attempt() const { return context_.job().attempt; }

  // Shown to whoever watches the job: `fraction` 0 … 1. Cheap: never waits.
  void progress(double fraction, std::string_view message = {}) {
    context_.progress(fraction, message);
  }

  // Somebody cancelled the job, its time is over, or its worker ends: return soon, whatever; or ask
  // with throw_if_stopped() now and then. A job whose worker ends goes back to the queue, its
  // checkpoint kept.
  bool stop_requested() const { return context_.stop_token().stop_requested(); }
  // The same for calls that take a token, and for threads of one's own.
  std::stop_token stop_token() const { return context_.stop_token(); }
  // Throws JobStopped when asked to stop. Let it pass.
  void throw_if_stopped() const {
    if (stop_requested()) throw JobStopped();
  }
  // When stop_token() fires for the job's time limit.
  Deadline deadline() const { return context_.deadline(); }

  // What an earlier attempt saved last; empty: nothing.
  const std::string& checkpoint() const { return context_.job().checkpoint; }
  // Keeps `bytes` for the next attempt, in place of what was kept; durable when it returns. Blocks
  // for some milliseconds. Errors as JobContext::save_checkpoint(); the job may go on after any of
  // them.
  Result<void> save_checkpoint(std::string_view bytes) { return context_.save_checkpoint(bytes); }

  // The object "s3://bucket/key" of a configured bucket, whole and in memory, and the other way;
  // both end with the job (kCancelled, kTimedOut). kInvalidArgument: not such a name; kNotFound: no
  // such object or bucket; kTooLarge: more than `max_bytes`. Others as ObjectStore's calls. Return
  // the error as it is: outcome_of() knows which of them are worth another attempt.
  Result<std::string> download(std::string_view name, std::uint64_t max_bytes = 1 << 30) const;
  Result<void> upload(std::string_view name, std::string_view bytes) const;

  // The configured buckets (--bucket NAME=DIRECTORY), for what download() and upload() do not fit:
  // parts of objects, files, streams.
  objects::ObjectStore& objects() const { return objects_; }
  // All there is to know about the job.
  jobs::JobContext& context() const { return context_; }

 private:
  jobs::JobContext& context_;
  objects::ObjectStore& objects_;
};

// How a failure ends an attempt. Input that is wrong or missing discards the job, for repeating
// cannot mend it: kInvalidArgument, kNotFound, kAlreadyExists, kPermissionDenied, kUnauthenticated,
// kTooLarge, kUnsupported, kDataCorrupt. kCancelled cancels it. A peer or store that is away, and
// all else, lets it be tried again.
jobs::Outcome outcome_of(const Error& error);

namespace detail {

template <typename T>
inline constexpr bool kIsResult = false;
template <typename T>
inline constexpr bool kIsResult<Result<T>> = true;

// The outcome of a function that returned `value`: an Outcome or one of its kinds as it is, a
// Result's value or outcome_of() its error, anything else as the job's result in JSON.
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

// Calls the function and makes an outcome of what it returns; void is done without a result.
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
