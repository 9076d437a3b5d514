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

// The arguments of a task that takes none: service.task("clean", [](Job&) { … }).
struct NoArguments {};
SAOLA_DESCRIBE(NoArguments)

// What a service says of itself.
struct ServiceOptions {
  // For --version, openapi.json and the log.
  std::string version = "0";
  // For openapi.json and --help.
  std::string description = {};
  // For openapi.json: the service's, an SPDX expression.
  std::string license = "LicenseRef-not-stated";
  // What --bucket says when nobody does: "NAME=DIRECTORY", several separated by commas. A default
  // whose directory is not there is left out.
  std::string default_buckets = {};
};

// How the jobs of a task are run; the defaults are for work of any length that may fail now and
// then.
//
//   service.task<MailArgs>("mail", send_mail, {.max_attempts = 10, .timeout = 30s, .priority = 5});
struct TaskOptions {
  // Attempts until a job that fails each time is discarded; 1 … 100.
  int max_attempts = 5;
  // Time limit of one attempt, and the most that a request may ask for (header Job-Timeout); zero:
  // none.
  std::chrono::microseconds timeout{0};
  // The larger runs first; a request may say otherwise (header Job-Priority).
  int priority = 0;
};

// 202 with the job's Location and links. Its type is what it was for: lets openapi.json know the
// route's body. Return it from a view as it is.
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
//
//   service.post("/split", [split](Request& request) {
//     SplitArgs args = request.body<SplitArgs>();
//     args.groups = std::max(args.groups, 2);
//     return split.accept(request, args);
//   });
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
// Copy them into views and tasks; any thread. Before the service runs they count nothing.
//
//   auto splits = service.counter("splitter_splits_total", "Splits done");
//   service.task<SplitArgs>("split", [splits](Job& job, const SplitArgs& args) {
//     splits.add();
//     return split(args);
//   });
class Counter {
 public:
  explicit Counter(std::shared_ptr<observe::Counter> cell) : cell_(std::move(cell)) {}
  void add(std::uint64_t n = 1) const { cell_->add(n); }

 private:
  std::shared_ptr<observe::Counter> cell_;  // the service's, set when its process starts
};

// A number that goes up and down.
//
//   auto sessions = service.gauge("app_sessions", "Sessions that are open");
//   sessions.add(1);
//   …
//   sessions.add(-1);
class Gauge {
 public:
  explicit Gauge(std::shared_ptr<observe::Gauge> cell) : cell_(std::move(cell)) {}
  void set(std::int64_t value) const { cell_->set(value); }
  void add(std::int64_t n) const { cell_->add(n); }

 private:
  std::shared_ptr<observe::Gauge> cell_;
};

// How long something took, as a histogram from 0.1 ms to 10 s; its name should end in _seconds.
//
//   auto rendering = service.timer("app_render_seconds", "Rendering a page");
//   const SteadyTime began = steady_now();
//   render(page);
//   rendering.record(steady_now() - began);
class Timer {
 public:
  explicit Timer(std::shared_ptr<observe::Histogram> cell) : cell_(std::move(cell)) {}
  void record(Duration took) const { cell_->record(static_cast<std::uint64_t>(took.count())); }

 private:
  std::shared_ptr<observe::Histogram> cell_;
};

// The whole service; see the top of this file. Set up by one thread, then frozen by main() or
// test_client(). Lives until main() returns.
class Service {
 public:
  // `name` is the program's, in messages, process titles and file names.
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
  // Hooks, error handlers, blueprints: what get() and post() are short for.
  //
  //   service.app().before_request(check_login);
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

  // Each is declared in every process by its name and labels; see observe::MetricTable for what
  // names may be.
  Counter counter(std::string name, std::string help, observe::Labels labels = {});
  Gauge gauge(std::string name, std::string help, observe::Labels labels = {});
  Timer timer(std::string name, std::string help, observe::Labels labels = {});

  // A setting of the application's own: flag, environment, file, check, --help and reference.
  //
  //   inline constexpr server::Setting<std::int64_t> kMaxGroups{"max-groups"};
  //
  //   service.setting({.section = "Splitter", .key = kMaxGroups.key,
  //                    .type = server::SettingType::kInteger, .default_value = "1000",
  //                    .doc = "Most groups that a request may ask for.", .min = 2});
  //   …
  //   const std::int64_t most = service.settings().get(kMaxGroups);       // in a view or task
  void setting(server::SettingRow row);
  // The values in force. REQUIRES: called in a view or task.
  const server::Settings& settings() const;
  // The configured buckets. REQUIRES: as settings().
  objects::Buckets& buckets() const;

  // The JSON of a completed job's result, for a route that serves what the job made. SUSPENDS.
  // Throws HttpError: 404 for no such job, 409 for one that is not completed. REQUIRES: called in a
  // view.
  std::string result_of(std::string_view job_id) const;

  // A word of the command line that does something else than serve: `NAME WORD …`. Gets what
  // follows the program's name; returns the exit status. One of the service's own words is
  // replaced.
  //
  //   service.command("preview", "Shows what a split would do", [](int argc, char** argv) {
  //     return run_preview(argc, argv);                     // argv[0] is "preview"
  //   });
  void command(std::string word, std::string doc, std::function<int(int argc, char** argv)> run);

  // Runs the program: serves, or does what the command line asks for (--help lists it). Returns the
  // exit status of the process.
  int main(int argc, char** argv);

  // The Markdown page of the service's own settings.
  std::string settings_reference() const;

  // The service without sockets, processes or threads, its jobs in memory; see test.hpp.
  //
  //   auto client = service.test_client();
  //   EXPECT_EQ(client.post("/split", {{"source", "s3://samples/t.csv"}}).status, 202);
  //   EXPECT_EQ(client.run_jobs(), 1);
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
