// What a Service holds. States: set up (routes, tasks, metrics are added), finished (finish() has
// added the service's own routes), and in a web worker, a task worker or a test started (the store,
// the buckets and the cells of the metrics are there).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <saola/jobs/store.hpp>
#include <saola/jobs_web/jobs_api.hpp>
#include <saola/server/server.hpp>
#include <saola/service/service.hpp>

#include "job_metrics.hpp"
#include "result_remover.hpp"
#include "thread_pool.hpp"

namespace saola {

namespace detail {

struct TaskEntry {
  Service::Impl* service;
  std::string name;
  std::function<jobs::Outcome(Job&)> function;
  TaskOptions options;
};

}  // namespace detail

struct Service::Impl {
  struct Command {
    std::string doc;
    std::function<int(int argc, char** argv)> run;
  };
  // Declares a metric of the application's, and says how it gets its cell.
  using Declare =
      std::function<std::function<void(const observe::MetricSlot&)>(observe::MetricTable&)>;

  Impl(std::string service_name, ServiceOptions service_options)
      : name(std::move(service_name)), options(std::move(service_options)) {}

  // Throws SetupError once the service runs.
  void check_open(std::string_view what) const;

  // Adds the routes that every service has, at the end of the set-up.
  void finish();
  // What is counted besides the application's requests.
  void declare_metrics(observe::MetricTable& table);
  void count_in(const observe::MetricSlot& slot);
  // Handlers of the tasks, counted in `slot`.
  std::map<std::string, jobs::Handler> handlers(const observe::MetricSlot& slot);
  std::vector<server::SettingRow> setting_rows() const;

  // The starts. Each is called at most once in a process.
  Result<void> start_web(server::WebContext& context);
  Result<void> run_task_worker(server::TaskContext& context);
  void start_test();

  server::ServerDefinition definition();
  int help() const;
  // POST /login and /logout.
  Response log_in(Request& request) const;
  static Response log_out(Request& request);

  const std::string name;
  const ServiceOptions options;
  web::App app;
  std::map<std::string, std::shared_ptr<detail::TaskEntry>> tasks;
  std::vector<std::shared_ptr<ThreadPool::State>> pools;
  std::vector<Declare> own_metrics;
  std::vector<std::function<void(const observe::MetricSlot&)>> own_cells;
  std::vector<server::SettingRow> own_rows;
  std::map<std::string, Command> commands;
  service::JobMetrics job_metrics;
  service::PrunedObjects pruned_objects;
  std::string login_path;  // empty: the application has a /login of its own
  bool finished = false;

  // Of a started process.
  const server::Settings* settings = nullptr;
  const server::WebContext* web_context = nullptr;  // of a web worker
  std::unique_ptr<objects::Buckets> buckets;
  std::unique_ptr<jobs::Store> store;
  std::function<std::string()> metrics_text;
  // After the store, which it uses.
  std::unique_ptr<jobs_web::JobsApi> jobs_api;

  // Of a test: the default settings, its own block of metrics.
  server::Settings test_settings;
  observe::MetricTable test_table;
  std::vector<std::uint64_t> test_cells;
  std::optional<observe::MetricSlot> test_slot;
};

}  // namespace saola
