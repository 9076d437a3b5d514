// A child's side of the arbiter: its place in the shared state, its channel, its signals.
//
// A native control thread of normal priority takes the signals (they are blocked everywhere else)
// and the arbiter's messages, so a worker can be told to leave, asked for its stacks and, in a task
// worker, beats its heart whatever the other threads do.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <saola/base/guarded.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/server/server.hpp>

#include "process/child_boot.hpp"
#include "process/descriptor_message.hpp"
#include "process/server_metrics.hpp"
#include "process/shared_state.hpp"

namespace saola::server {

// Sets the title, the log and the privileges of a process the arbiter has started, and ties its
// life to the arbiter's. `name`: "web 1". REQUIRES: no other thread runs.
Result<void> enter_child(const ServerDefinition& definition, const ChildBoot& boot,
                         const std::string& name);

class WorkerProcess {
 public:
  // Enters the child's life and starts the control thread. Fails with what the arbiter's log should
  // say. REQUIRES: no other thread runs.
  static Result<std::unique_ptr<WorkerProcess>> create(const ServerDefinition& definition,
                                                       ChildBoot boot);
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  ~WorkerProcess();

  const ChildBoot& boot() const { return boot_; }
  const Settings& settings() const { return boot_.settings; }
  const SharedState& state() const { return state_; }
  const ServerMetrics& metrics() const { return metrics_; }
  WorkerFacts facts() const;
  // As WorkerContext's.
  std::string metrics_text() const;

  // Whether the whole server is stopping, the shutdown delay included.

  // TERM: finish what is running and leave.
  std::stop_token drain() const { return drain_.get_token(); }
  // QUIT, INT: leave now; a task worker puts its jobs back. Follows drain().
  std::stop_token stop() const { return stop_.get_token(); }

  // Serving from now on.
  void ready();
  // Ask for a successor; TERM comes when it serves. `why` is logged.
  void retire(std::string_view why);
  // Tells the arbiter about a stall. Any thread; never blocks.
  void stall(const observe::StallReport& report);
  void beat() { slot().beat(); }
  // From now on the control thread beats (as in a task worker), or no longer does.
  void beat_from_control_thread() { control_beats_.store(true, std::memory_order_relaxed); }
  void beat_from_loop() { control_beats_.store(false, std::memory_order_relaxed); }
  void set_ready(bool ready, std::string_view why);
  // Whose tasks the control thread lists when asked, in addition to the process's threads. The worker
  // takes it back (null) before the runtime ends.
  void show_tasks_of(const runtime::Runtime* runtime) {
    const NativeLock lock(runtime_mutex_);
    runtime_ = runtime;
  }
  // What to do on USR1, on the control thread; empty: nothing.
  void on_reopen(std::function<void()> reopen) {
    const NativeLock lock(reopen_mutex_);
    reopen_ = std::move(reopen);
  }

 private:
  WorkerProcess(const ServerDefinition& definition, ChildBoot boot,
                std::unique_ptr<observe::MetricTable> table, ServerMetrics metrics,
                SharedState state, unique_fd channel, unique_fd signals);
  SlotState& slot() const { return state_.slot(boot_.slot); }
  void send(std::string_view message) const;
  void run_control(std::stop_token end);
  void answer(const ReceivedMessage& message);
  void on_signal(int signal, int code);
  [[noreturn]] void last_words();

  const ServerDefinition& definition_;
  const ChildBoot boot_;
  const std::unique_ptr<const observe::MetricTable> table_;
  const ServerMetrics metrics_;
  const SharedState state_;
  const unique_fd channel_;
  const unique_fd signals_;
  const unique_fd wake_;
  NativeMutex runtime_mutex_;
  const runtime::Runtime* runtime_ GUARDED_BY(runtime_mutex_) = nullptr;
  NativeMutex reopen_mutex_;
  std::function<void()> reopen_ GUARDED_BY(reopen_mutex_);
  std::stop_source drain_;
  std::stop_source stop_;
  std::atomic<bool> control_beats_;
  NativeMutex ready_mutex_;  // one writer of why_not_ready at a time
  std::jthread control_;     // the last member: it uses the others
};

}  // namespace saola::server
