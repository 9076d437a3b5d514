#include "task_runner.hpp"

#include <malloc.h>
#include <unistd.h>

#include <atomic>

#include <fmt/core.h>

#include <saola/base/log.hpp>
#include <saola/base/process_stat.hpp>
#include <saola/base/wait_for_stop.hpp>
#include <saola/jobs/maintainer.hpp>
#include <saola/jobs/task_worker.hpp>
#include <saola/server/server_settings.hpp>

#include "deployment.hpp"

namespace saola::service {
namespace {

// Kept back of the time to stop, for putting jobs back into the queue.
constexpr std::chrono::seconds kToPutBack(1);

std::uint64_t resident_bytes() {
  constexpr int kResidentPages = 24;  // proc(5)
  return ProcessStat::read("/proc/self/stat").number(kResidentPages) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// Gives the memory of a large job back, and has this worker replaced after its last job.
class MemoryAndAge {
 public:
  explicit MemoryAndAge(server::TaskContext& context)
      : context_(context),
        most_jobs_(static_cast<std::uint64_t>(context.settings.get(server::setting::kTaskMaxJobs))),
        most_memory_(
            static_cast<std::uint64_t>(context.settings.get(server::setting::kTaskMaxMemory))),
        at_rest_(resident_bytes()) {}

  // Any thread.
  void after_job() {
    const std::uint64_t jobs = jobs_.fetch_add(1) + 1;
    std::uint64_t memory = resident_bytes();
    if (memory > at_rest_ + kWorthTrimming) {
      ::malloc_trim(0);
      memory = resident_bytes();
    }
    if (most_jobs_ > 0 && jobs >= most_jobs_)
      return retire(fmt::format("it has run {} jobs", jobs));
    if (most_memory_ > 0 && memory > most_memory_) {
      retire(fmt::format("it keeps {} MiB after a job", memory >> 20));
    }
  }

 private:
  static constexpr std::uint64_t kWorthTrimming = 16 << 20;

  void retire(std::string_view why) {
    if (!retired_.exchange(true)) context_.retire(why);
  }

  server::TaskContext& context_;
  const std::uint64_t most_jobs_;
  const std::uint64_t most_memory_;  // bytes
  const std::uint64_t at_rest_;      // bytes, before the first job
  std::atomic<std::uint64_t> jobs_{0};
  std::atomic<bool> retired_{false};
};

}  // namespace

Result<void> run_tasks(server::TaskContext& context, jobs::Store& store,
                       std::map<std::string, jobs::Handler> handlers, Leavings leavings) {
  jobs::TaskWorkerOptions options;
  options.queues = context.settings.get(kQueues);
  options.threads = static_cast<int>(context.settings.get(server::setting::kTaskThreads));
  options.on_job_thread_start = [] { server::demote_this_thread(); };
  MemoryAndAge age(context);
  options.after_job = [&] { age.after_job(); };
  jobs::TaskWorker worker(store, std::move(handlers), std::move(options));
  ResultRemover remover(leavings.buckets, leavings.counts);
  jobs::MaintainerOptions upkeep{.retention = retention(context.settings)};
  if (leavings.buckets.prunes_any()) {
    upkeep.remove_leavings = [&](const jobs::Job& job, const std::stop_token& stop) {
      return remover.remove_objects_of(job, stop);
    };
  }
  const jobs::Maintainer maintainer(store, std::move(upkeep));
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
