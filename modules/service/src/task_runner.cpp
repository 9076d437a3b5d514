#include "task_runner.hpp"

#include <condition_variable>
#include <mutex>

#include <saola/base/log.hpp>
#include <saola/jobs/maintainer.hpp>
#include <saola/jobs/task_worker.hpp>
#include <saola/server/server_settings.hpp>

#include "dead_workers.hpp"

namespace saola::service {
namespace {

// Kept back of the time to stop, for putting jobs back into the queue.
constexpr std::chrono::seconds kToPutBack(1);

void wait_for(const std::stop_token& token) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, token, [] { return false; });
}

}  // namespace

Result<void> run_tasks(server::TaskContext& context, jobs::Store& store,
                       std::map<std::string, jobs::Handler> handlers) {
  jobs::TaskWorkerOptions options;
  options.owner = this_process_as_owner();
  options.threads = static_cast<int>(context.settings.get(server::setting::kTaskThreads));
  options.on_job_thread_start = [] { server::demote_this_thread(); };
  jobs::TaskWorker worker(store, std::move(handlers), std::move(options));
  const DeadWorkerWatch dead_workers(store);
  const jobs::Maintainer maintainer(store);
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

}  // namespace saola::service
