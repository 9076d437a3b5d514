// server::run(): a program as a service of several processes. An arbiter keeps W web workers and T
// task workers running; a ServerDefinition says what they do. (saola::Service is the comfortable way
// in: it makes the definition.)
//
//   int main(int argc, char** argv) {
//     saola::server::ServerDefinition app;
//     app.name = "hello";
//     app.web = [](auto&) -> saola::Result<std::unique_ptr<saola::http::Handler>> {
//       return std::make_unique<Hello>();
//     };
//     return saola::server::run(app, argc, argv);
//   }
//
// An application with routes (web::App) is known beforehand, and gets metrics by route, learned
// placement of each route and its routes' roles with that:
//
//   saola::web::App routes;
//   routes.get("/", [] { return "hello"; });
//   app.application = &routes;
//
// Workers are new processes: the arbiter runs the program's own file again with the same arguments,
// so main() must reach run() with an equal definition before it does anything else of weight, and
// must not start threads first.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/http/application.hpp>
#include <saola/observe/metrics.hpp>
#include <saola/observe/stall_log.hpp>
#include <saola/server/settings.hpp>

namespace saola::server {

// A report is no worker: it answers one question of the operator and ends.
enum class Role { kWeb, kTask, kManagement, kReport };
// "web", "task", "management", "report": as in process titles and logs.
std::string_view to_string(Role role);

// What every worker process knows about itself. Valid as long as its WorkerContext.
struct WorkerFacts {
  const Settings& settings;
  Role role;
  // 1, 2, …: as in the process title. A successor may have the number of a worker that left.
  unsigned number;
  // Names this child among all that its arbiter ever starts. Two machines, or two boots of one, may
  // repeat it, so it is no owner for leases in a store that outlives them: jobs of a saola::Service
  // are leased to host, boot, process and its start.
  std::string identity;
  // Where this process counts. metrics.block reads the sums over all workers, dead ones included.
  observe::MetricSlot metrics;
};

// A worker's link to its server, given to the application's function. Lives as long as the process.
class WorkerContext : public WorkerFacts {
 public:
  explicit WorkerContext(WorkerFacts facts) : WorkerFacts(std::move(facts)) {}
  virtual ~WorkerContext() = default;
  WorkerContext(const WorkerContext&) = delete;
  WorkerContext& operator=(const WorkerContext&) = delete;

  // The whole server's numbers in Prometheus' text format: what GET /metrics answers. Any thread.
  virtual std::string metrics_text() const = 0;

  // Tells the arbiter whether this worker can do its work, and why not. /readyz on the management
  // bind and `ctl show workers` show it. A worker starts ready. Any thread.
  virtual void set_ready(bool ready, std::string_view why) = 0;
};

// What a web worker's factory gets. The handler may keep the reference.
//
//   app.web = [](WebContext& worker) -> Result<std::unique_ptr<http::Handler>> {
//     auto store = open_store(worker.settings);
//     if (!store) return fail(store);
//     return std::make_unique<Handler>(worker, *std::move(store));
//   };
class WebContext : public WorkerContext {
 public:
  using WorkerContext::WorkerContext;
  // Stalls seen in this process.
  virtual observe::StallLog& stalls() = 0;
  // Why the server as a whole cannot take requests now: it stops, a role is paused because its
  // workers keep dying, …; empty when it can. Any thread.
  virtual std::vector<std::string> why_not_ready() const = 0;
  // Whether the server asks callers who they are (setting auth): then requests have a caller, and
  // their role has been compared with ServerDefinition::role_needed. Any thread.
  virtual bool asks_who() const = 0;
  // A session for the holder of an API token, as the value of the cookie http::kSessionCookie, which
  // is good for the setting session-time; nullopt for a token that is none. Any thread.
  virtual std::optional<std::string> open_session(std::string_view token) const = 0;
};

// What a task worker's function gets.
//
// The end of a task worker has two steps. `drain`: claim no more jobs, finish the running ones,
// return. `stop`: asked for when the time to drain is over (--drain-timeout after a reload,
// --graceful-timeout at the server's end): put the running jobs back and return within
// kRequeueTime, or the process is killed and its leases have to expire.
//
//   app.task = [](TaskContext& worker) -> Result<void> {
//     while (!worker.drain.stop_requested()) {
//       if (auto done = work_a_little(worker.stop); !done) return done;
//     }
//     return {};
//   };
class TaskContext : public WorkerContext {
 public:
  TaskContext(WorkerFacts facts, std::stop_token drain_token, std::stop_token stop_token)
      : WorkerContext(std::move(facts)),
        drain(std::move(drain_token)),
        stop(std::move(stop_token)) {}

  // Asks for a successor; `drain` comes when it serves. `why` is logged ("it has run 100 jobs"). Any
  // thread.
  virtual void retire(std::string_view why) = 0;

  const std::stop_token drain;
  const std::stop_token stop;
};

// How long a task worker may take from `stop` on, and a report in all.
inline constexpr Duration kRequeueTime = std::chrono::seconds(5);
inline constexpr Duration kReportTime = std::chrono::seconds(5);

// How a child process ended.
struct ChildExit {
  Role role;
  unsigned number;
  pid_t pid;
  std::string identity;  // WorkerContext::identity
  int wait_status;       // of waitpid(2)
  bool expected;         // the arbiter had asked it to leave
};

// Callbacks of a server's life, all optional. Those marked A run in the arbiter: they must be short
// (nothing else happens meanwhile) and start no thread. W: in the worker process.
//
//   app.hooks.nworkers_changed = [](int from, int to) {
//     log_info("web workers", {{"from", from}, {"to", to}});
//   };
struct Hooks {
  std::function<void(const Settings&)> on_starting;        // A: before anything is opened
  std::function<void(const Settings&)> when_ready;         // A: listening, first workers started
  std::function<void(const Settings&)> on_reload;          // A: new settings are read
  std::function<void(WorkerContext&)> worker_init;         // W: before the web factory or task
  std::function<void(WorkerContext&)> worker_exit;         // W: before an orderly end
  std::function<void(const ChildExit&)> child_exit;        // A: after a child was reaped
  std::function<void(int from, int to)> nworkers_changed;  // A: number of web workers
  std::function<void(const Settings&)> on_exit;            // A: the last thing
};

// What a program is as a server. Equal in every process, as each runs main() from its start; only
// `name` is needed, and one of `application`, `web` and `task`.
struct ServerDefinition {
  std::string name;              // process titles, logs, file names: "split-service"
  std::string version = "0";     // --version
  std::string command = {};      // how it is called, for --help; empty: name
  std::vector<SettingRow> rows;  // settings of the application, after the server's own

  // Adds series of its own, after those of `application`; called once in every process before the
  // block is made.
  std::function<void(observe::MetricTable&)> metrics;

  // What web workers serve: its series are counted in every one of them, and its routes say what
  // their callers need to be. Must outlive run(). Null: what `web` makes, whose callers need what
  // their method does (http::role_for).
  http::Application* application = nullptr;

  // Starts a web worker: makes its handler, or null when `application` is to serve. An error ends
  // the worker, and with it a server that is starting. Runs on a fiber. May be empty where there is
  // an application.
  std::function<Result<std::unique_ptr<http::Handler>>(WebContext&)> web;

  // Where browsers without a session are sent; empty: nowhere, they are answered 401.
  std::string login_path = {};

  // Runs a task worker: returns after `drain` or `stop`. An error says that it cannot work (its
  // store is away): that ends a server that is starting. Returning unasked is a fault too; either
  // way a successor is started. Empty: there are no task workers.
  // Runs on a native thread; start job threads with demote_this_thread() as their first act.
  std::function<Result<void>(TaskContext&)> task;

  // What `ctl show jobs` shows: the JSON text of {"counts": {STATE: number, …}, "running": [{…},
  // …]}, whose rows have equal keys. Runs in a process of its own, started for the question with
  // the workers' rights, so it works whatever the workers do and may block; one that takes longer
  // than kReportTime is killed. An error is shown to whoever asked. Empty: the application keeps no
  // jobs.
  std::function<Result<std::string>(const Settings&)> show_jobs;

  // Makes a source of further text for /metrics on the management bind, in Prometheus' format: what
  // the application's store holds, where the series of `metrics` are what processes count. Called
  // once, in the management process; the source is called for each answer and SUSPENDS. Empty: there
  // is none.
  std::function<std::function<std::string()>(const Settings&)> stored_metrics;

  // Lines for the banner at start, e.g. which store and buckets are in use. No credentials.
  std::function<std::vector<std::string>(const Settings&)> describe;

  // Checks that look at several settings; for --check-config and before each start or reload.
  //
  //   app.check = [](const Settings& settings) -> Result<void> {
  //     if (settings.get(kLow) <= settings.get(kHigh)) return {};
  //     return fail(ErrorCode::kInvalidArgument, "low must not be above high");
  //   };
  std::function<Result<void>(const Settings&)> check;

  Hooks hooks;
};

// The exit status of run().
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;  // address in use, no permission, a crash loop, …
inline constexpr int kExitBadSettings = 2;
inline constexpr int kExitBootFailed = 3;  // a worker could not start

// Runs the server until it is told to stop. Arguments are flags only (drop a subcommand first, but
// keep argv[0]). Returns the exit status of the process.
int run(const ServerDefinition& definition, int argc, char** argv);

// Lowers the calling thread's priority so that web workers on the same cores win the CPU; see
// docs/decisions on task priority. Threads it starts later inherit it.
void demote_this_thread();

}  // namespace saola::server
