// saola::Service: a whole service in one object. An application of web routes, tasks that run as
// durable jobs in processes of their own, and everything around them: settings, signals, reloads,
// /healthz /readyz /metrics /openapi.json, /jobs with events, cancel and retry, a dashboard, `ctl`
// and a command-line client.
//
//   struct SplitArgs { std::string source; int groups = 2; };
//   SAOLA_DESCRIBE(SplitArgs, source, groups)
//
//   int main(int argc, char** argv) {
//     saola::Service service("splitter");
//     auto split = service.task<SplitArgs>("split", [](saola::Job& job, const SplitArgs& args) {
//       …
//       return result;
//     });
//     service.post("/split", [split](saola::Request& request) { return split.accept(request); });
//     return service.main(argc, argv);
//   }
//
// Set up by one thread, then main() or test_client(); mistakes in the set-up throw web::SetupError.
// Every process of the service runs main() from its start, so what comes before service.main() must
// be the same each time and start no threads.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <saola/objects/buckets.hpp>
#include <saola/observe/metrics.hpp>
#include <saola/server/settings.hpp>
#include <saola/service/job.hpp>
#include <saola/service/thread_pool.hpp>
#include <saola/web/app.hpp>

namespace saola {

using web::HttpError;
using web::Request;
using web::Response;

class ServiceTest;

// The arguments of a task that takes none.
struct NoArguments {};
SAOLA_DESCRIBE(NoArguments)

struct ServiceOptions {
  std::string version = "0";
  // For openapi.json and --help.
  std::string description = {};
  // For openapi.json: the service's, an SPDX expression.
  std::string license = "LicenseRef-not-stated";
  // What --bucket says when nobody does: "NAME=DIRECTORY", several separated by commas. A default
  // whose directory is not there is left out.
  std::string default_buckets = {};
};

// How the jobs of a task are run.
struct TaskOptions {
  // Attempts until a job that fails each time is discarded; 1 … 100.
  int max_attempts = 5;
  // Time limit of one attempt, and the most that a request may ask for (header Job-Timeout); zero:
  // none.
  std::chrono::microseconds timeout{0};
  // The larger runs first; a request may say otherwise (header Job-Priority).
  int priority = 0;
};

// 202, and what it was for: lets openapi.json know the route's body. Is a Response.
template <typename Args>
struct Accepted : Response {
  static void document(web::ViewDoc& doc);
};

namespace detail {

struct TaskEntry;

// The part of Task that is the same for all arguments.
class TaskHandle {
 public:
  explicit TaskHandle(std::shared_ptr<const TaskEntry> entry) : entry_(std::move(entry)) {}
  Response accept(const Request& request, std::string payload) const;

 private:
  // Shared by the service and every copy of the handle.
  std::shared_ptr<const TaskEntry> entry_;
};

void document_accepted(web::ViewDoc& doc);

}  // namespace detail

// A handle of a task; copy it into views. Its calls REQUIRE a running service (or test client), and
// SUSPEND.
template <typename Args = NoArguments>
class Task {
 public:
  explicit Task(detail::TaskHandle handle) : handle_(std::move(handle)) {}

  // Stores a job with the request's body as its arguments and answers 202 at once, with its
  // Location. A header Idempotency-Key makes it safe to send the same request again; Job-Priority,
  // Job-Queue and Job-Timeout say how the job is to be run. Throws HttpError: 415, 400 and 422 for a
  // body or header that is none, 409 for a key that was used for another request, 429 with
  // Retry-After when too many jobs wait, 503 when none can be stored now.
  Accepted<Args> accept(const Request& request) const {
    if constexpr (std::is_same_v<Args, NoArguments>) {
      return accept(request, Args{});
    } else {
      return accept(request, request.body<Args>());
    }
  }
  // The same with arguments that the view has made or checked.
  Accepted<Args> accept(const Request& request, const Args& args) const {
    return {handle_.accept(request, web::to_json_text(args))};
  }

 private:
  detail::TaskHandle handle_;
};

// Metrics of the application's own, kept by every process of the service and summed in /metrics.
// Copy them into views and tasks; any thread.
class Counter {
 public:
  explicit Counter(std::shared_ptr<observe::Counter> cell) : cell_(std::move(cell)) {}
  void add(std::uint64_t n = 1) const { cell_->add(n); }

 private:
  std::shared_ptr<observe::Counter> cell_;  // the service's, set when its process starts
};

class Gauge {
 public:
  explicit Gauge(std::shared_ptr<observe::Gauge> cell) : cell_(std::move(cell)) {}
  void set(std::int64_t value) const { cell_->set(value); }
  void add(std::int64_t n) const { cell_->add(n); }

 private:
  std::shared_ptr<observe::Gauge> cell_;
};

// How long something took.
class Timer {
 public:
  explicit Timer(std::shared_ptr<observe::Histogram> cell) : cell_(std::move(cell)) {}
  void record(Duration took) const { cell_->record(static_cast<std::uint64_t>(took.count())); }

 private:
  std::shared_ptr<observe::Histogram> cell_;
};

class Service {
 public:
  explicit Service(std::string name, ServiceOptions options = {});
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Routes; see web::App. Every route runs as an activity of its own with learned placement, and
  // its requests are counted in /metrics.
  void get(std::string_view pattern, web::View view, web::RouteOptions options = {}) {
    app().get(pattern, std::move(view), std::move(options));
  }
  void post(std::string_view pattern, web::View view, web::RouteOptions options = {}) {
    app().post(pattern, std::move(view), std::move(options));
  }
  void put(std::string_view pattern, web::View view, web::RouteOptions options = {}) {
    app().put(pattern, std::move(view), std::move(options));
  }
  void patch(std::string_view pattern, web::View view, web::RouteOptions options = {}) {
    app().patch(pattern, std::move(view), std::move(options));
  }
  void del(std::string_view pattern, web::View view, web::RouteOptions options = {}) {
    app().del(pattern, std::move(view), std::move(options));
  }
  // Hooks, error handlers, blueprints.
  web::App& app();

  // A task named `name` (1 … 64 characters of a-z A-Z 0-9 _ . -). `function` is called as
  // R function(Job&, const Args&), on a native thread of a task worker, and may compute for hours.
  // R is void, a described struct or anything else described.hpp can write (the job's result), a
  // Result of these (see outcome_of()), or a jobs::Outcome. An exception is a failure: the job is
  // tried again. Jobs outlive every process: one runs at least once, and again when its worker dies.
  template <typename Args = NoArguments, typename F>
  Task<Args> task(std::string name, F function, TaskOptions options = {}) {
    return Task<Args>(add_task(
        std::move(name),
        [f = std::move(function)](Job& job) -> jobs::Outcome {
          if constexpr (std::is_invocable_v<const F&, Job&>) {
            return detail::run_task(f, job);
          } else {
            const Result<Args> args = web::from_json_text<Args>(job.context().job().payload);
            if (!args)
              return jobs::Discard{"the arguments are not understood: " + args.error().message()};
            return detail::run_task(f, job, *args);
          }
        },
        options));
  }

  // A pool of `threads` native threads in each web worker, for work that nobody minds losing: it
  // lives in memory, so a restart, reload or crash of its worker loses what waits and what runs,
  // without a word to who asked for it. Use task() for work that must be done.
  // /metrics has saola_pool_queued, saola_pool_running and saola_pool_done_total of each.
  ThreadPool thread_pool(std::string name, int threads);

  Counter counter(std::string name, std::string help, observe::Labels labels = {});
  Gauge gauge(std::string name, std::string help, observe::Labels labels = {});
  Timer timer(std::string name, std::string help, observe::Labels labels = {});

  // A setting of the application's own: flag, environment, file, check, --help and reference.
  void setting(server::SettingRow row);
  // The values in force. REQUIRES: called in a view or task.
  const server::Settings& settings() const;
  // The configured buckets. REQUIRES: as settings().
  objects::Buckets& buckets() const;

  // A word of the command line that does something else than serve: `NAME WORD …`. Gets what follows
  // the program's name; returns the exit status. One of the service's own words is replaced.
  void command(std::string word, std::string doc, std::function<int(int argc, char** argv)> run);

  // Runs the program: serves, or does what the command line asks for (--help lists it). Returns the
  // exit status of the process.
  int main(int argc, char** argv);

  // The Markdown page of the service's own settings.
  std::string settings_reference() const;

  // The service without sockets, processes or threads, its jobs in memory; see test.hpp.
  ServiceTest test_client();

  // The inside, for the library's own files.
  struct Impl;

 private:
  detail::TaskHandle add_task(std::string name, std::function<jobs::Outcome(Job&)> function,
                              TaskOptions options);

  std::unique_ptr<Impl> impl_;
};

template <typename Args>
void Accepted<Args>::document(web::ViewDoc& doc) {
  if constexpr (!std::is_same_v<Args, NoArguments>) doc.body = web::schema_of<Args>();
  detail::document_accepted(doc);
}

}  // namespace saola
