#include "serve.hpp"

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>

#include <fmt/core.h>

#include <saola/base/check.hpp>
#include <saola/base/log.hpp>
#include <saola/jobs/maintainer.hpp>
#include <saola/jobs/task_worker.hpp>
#include <saola/server/server.hpp>

#include "dead_workers.hpp"
#include "deployment.hpp"
#include "job_metrics.hpp"
#include "jobs_report.hpp"
#include "split_api.hpp"
#include "split_job.hpp"
#include "version.hpp"

namespace saola::split_service {
namespace {

// Kept back of the time to stop, for putting jobs back into the queue.
constexpr std::chrono::seconds kToPutBack(1);

Result<std::unique_ptr<http::Handler>> make_web(server::WebContext& context,
                                                std::unique_ptr<SplitApi>& api) {
  SAOLA_CHECK(api, "the API's handler is made once in a process");
  auto store = open_store(context.settings);
  if (!store) return std::unexpected(std::move(store).error());
  auto buckets = open_buckets(context.settings);
  if (!buckets) return std::unexpected(std::move(buckets).error());
  const std::string folder = std::filesystem::path(store_path(context.settings)).parent_path();
  api->bind(
      {.store = *std::move(store),
       .buckets = *std::move(buckets),
       .metrics_text = [&context] { return context.metrics_text(); },
       .metrics = context.metrics,
       .queue_limit = static_cast<std::size_t>(context.settings.integer("queue-limit")),
       .health = {.room = [folder] { return room_for_a_job(folder.empty() ? "." : folder); },
                  .on_change = [&context](bool ready,
                                          std::string_view why) { context.set_ready(ready, why); }},
       .one_event_a_stream = context.settings.text("worker-class") == "sync"});
  return std::move(api);
}

void wait_for(const std::stop_token& token) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, token, [] { return false; });
}

Result<void> run_tasks(server::TaskContext& context, const JobMetrics& metrics) {
  auto store = open_store(context.settings);
  if (!store) return std::unexpected(std::move(store).error());
  auto buckets = open_buckets(context.settings);
  if (!buckets) return std::unexpected(std::move(buckets).error());

  const jobs::Handler split = [&](jobs::JobContext& job) {
    return metrics.count(context.metrics, [&] { return run_split(job, **buckets, real_clock()); });
  };
  jobs::TaskWorkerOptions options;
  options.owner = this_process_as_owner();
  options.threads = static_cast<int>(context.settings.integer("task-threads"));
  options.on_job_thread_start = [] { server::demote_this_thread(); };
  jobs::TaskWorker worker(**store, {{std::string(kSplitKind), split}}, std::move(options));
  const DeadWorkerWatch dead_workers(**store);
  const jobs::Maintainer maintainer(**store);
  worker.start();

  wait_for(context.drain);
  worker.stop_claiming();
  // Drained when the jobs have ended, or when there is no more time for that.
  while (!context.stop.stop_requested() && !worker.running().empty()) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, context.stop, std::chrono::milliseconds(50), [] { return false; });
  }
  const int left =
      worker.stop(Deadline::at({}), Deadline::after(server::kRequeueTime - kToPutBack));
  if (left == 0) return {};
  log_warning("jobs that would not stop were put back into the queue", {{"jobs", left}});
  // Native code cannot be stopped from outside; waiting for it would only end in a kill.
  std::_Exit(server::kExitOk);
}

}  // namespace

int serve(int argc, char** argv) {
  auto api = std::make_unique<SplitApi>();
  JobMetrics job_metrics;

  server::ServerDefinition service;
  service.name = "split-service";
  service.version = kVersion;
  service.command = "split-service serve";
  service.rows = setting_rows();
  service.metrics = [&](observe::MetricTable& table) {
    api->declare_metrics(table);
    job_metrics.declare(table);
  };
  service.web = [&](server::WebContext& context) { return make_web(context, api); };
  service.task = [&](server::TaskContext& context) { return run_tasks(context, job_metrics); };
  service.show_jobs = [](const server::Settings& settings) -> Result<std::string> {
    auto store = open_store(settings);
    if (!store) return std::unexpected(std::move(store).error());
    return jobs_report(**store, real_clock(), Deadline::after(server::kReportTime));
  };
  service.describe = describe_settings;
  service.check = check_settings;
  return server::run(service, argc, argv);
}

}  // namespace saola::split_service
