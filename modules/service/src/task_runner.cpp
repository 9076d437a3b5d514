#include "task_runner.hpp"

#include <saola/base/log.hpp>
#include <saola/base/wait_for_stop.hpp>
#include <saola/jobs/maintainer.hpp>
#include <saola/jobs/task_worker.hpp>
#include <saola/server/server_settings.hpp>

#include "dead_workers.hpp"
#include "deployment.hpp"

namespace saola::service {
namespace {

// Kept back of the time to stop, for putting jobs back into the queue.
constexpr std::chrono::seconds kToPutBack(1);

}  // namespace

Result<void> run_tasks(server::TaskContext& context, jobs::Store& store,
                       std::map<std::string, jobs::Handler> handlers) {
  jobs::TaskWorkerOptions options;
  options.owner = this_process_as_owner();
  options.threads = static_cast<int>(context.settings.get(server::setting::kTaskThreads));
  options.on_job_thread_start = [] { server::demote_this_thread(); };
  jobs::TaskWorker worker(store, std::move(handlers), std::move(options));
  const DeadWorkerWatch dead_workers(store);
  // Used by the maintainer's thread only.
  OwnerBeats beats;
  const jobs::Maintainer maintainer(
      store, {.retention = retention(context.settings),
              .owner_lives = [&](const std::string& owner) { return beats.lives(owner); }});
  worker.start();

  wait_for_stop(context.drain);
  worker.stop_claiming();
  // Drained when the jobs have ended, or when there is no more time for that.
  while (!context.stop.stop_requested() && !worker.running().empty()) {
    wait_for_stop(context.stop, std::chrono::milliseconds(50));
  }
  const int left =
      worker.stop(Deadline::at({}), Deadline::after(server::kRequeueTime - kToPutBack));
  if (left == 0) return {};
  log_warning("jobs that would not stop were put back into the queue", {{"jobs", left}});
  // Native code cannot be stopped from outside; waiting for it would only end in a kill.
  std::_Exit(server::kExitOk);
}

}  // namespace saola::service
