// Claims jobs and runs their handlers on native threads, under leases that their CPU work cannot
// starve.
//
//   TaskWorker worker(*store, {{"split", split}}, {.threads = 4});
//   worker.start();
//   stop.wait();                                                    // until the process is to end
//   const int left = worker.stop(Deadline::after(30s), Deadline::after(35s));
//   if (left > 0) std::_Exit(1);                                    // handlers that do not listen
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <saola/base/time.hpp>
#include <saola/jobs/job_context.hpp>
#include <saola/jobs/owner.hpp>
#include <saola/jobs/store.hpp>

namespace saola::jobs {

// The name of the thread that renews the leases of this process, as the kernel shows it (ps -L,
// /proc): it wakes at every tick, so that others on the machine can see whether the worker is well.
inline constexpr const char* kKeeperThread = "job keeper";

// What a worker is called, what it takes and how it keeps its leases.
struct TaskWorkerOptions {
  // Names the leases; not empty, and unique among workers that live at the same time: a second
  // worker of one process needs a name of its own. That of a process lets others see its death.
  std::string owner = this_process_as_owner();
  // Jobs that run at once; at least 1.
  int threads = 1;
  // Only jobs of these queues are claimed, all as one line: by priority, then place.
  std::vector<std::string> queues = {"default"};
  // How long the store waits for a sign of life, and how often one is given. Several renewals
  // should fit into a lease, so that one that the store refuses costs nothing.
  Micros lease = std::chrono::seconds(15);
  Micros renew_every = std::chrono::seconds(5);
  // How late a cancel, a lost lease or the time limit may be noticed, and progress be stored. Each
  // tick asks the store once for all jobs that run.
  Micros tick = std::chrono::milliseconds(250);
  // Called on each thread that runs jobs before its first one: the place to lower the thread's
  // priority. The threads that renew leases and write to the store keep theirs.
  std::function<void()> on_job_thread_start = [] {};
  // Called on a job's thread after its handler has returned. Must not throw.
  std::function<void()> after_job = [] {};
};

// A job that runs now.
struct RunningJob {
  std::string id;
  std::string kind;
  int attempt = 0;
};

// Runs handlers for the jobs of one store. Jobs of kinds without a handler are left for other
// workers. A result that the store cannot take at the moment is kept, under its lease, and tried
// again every second, while the handler's thread goes on to the next job. Thread-safe.
class TaskWorker {
 public:
  // `store` must outlive it. Claims nothing before start().
  TaskWorker(Store& store, std::map<std::string, Handler> handlers, TaskWorkerOptions options);
  // stop() with no time to drain, then waits for every handler to return.
  ~TaskWorker();

  // Starts the threads and claims jobs from now on. REQUIRES: not called before; after fork().
  void start();

  // Claims nothing more, at once; jobs that run go on.
  void stop_claiming();
  // stop_claiming(), waits for running jobs until `drain`, asks the rest to stop with
  // StopReason::kShutdown and waits for them until `give_up`. Jobs that still run then go back to
  // the queue, where whatever they answer later is refused. Returns how many these are: native code
  // cannot be stopped from outside, so the process has to end for them. An outcome that the store
  // could not take by then is given up when this is destroyed, and the job runs again. May be
  // called again.
  int stop(Deadline drain, Deadline give_up);

  // The jobs whose handlers run now, oldest first.
  std::vector<RunningJob> running() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace saola::jobs
