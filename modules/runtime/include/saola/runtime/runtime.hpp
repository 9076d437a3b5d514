// Runtime: one event loop, the threads that carry it, the monitor that rescues it, and the native
// pools.
//
//   int main() {
//     Runtime runtime({.stall_threshold = 20ms});
//     runtime.run([] {
//       TaskGroup group;
//       for (const std::string& url : urls) group.spawn([&] { download(url); });
//       group.join();
//     });
//   }
//
// One thread at a time carries the loop and runs its fibers one by one. A fiber that holds it for
// longer than the threshold while others wait is rescued: the loop goes to a spare thread, the
// fiber runs on where it is. docs/stalls.md shows what that looks like, docs/runtime-ownership.md
// why it is right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>

#include <saola/base/time.hpp>
#include <saola/observe/stall_report.hpp>
#include <saola/runtime/task.hpp>
#include <saola/runtime/tasks.hpp>

namespace saola::runtime {

// The defaults are for a server that answers within milliseconds.
struct RuntimeOptions {
  // Address space a fiber's stack reserves, in bytes, guard page included; memory is used only as
  // touched. A fiber that needs more ends the process, which names it.
  std::size_t stack_bytes = 256 * 1024;
  // What to do about a fiber that holds the loop; see docs/stalls.md.
  StallPolicy on_stall = StallPolicy::kRescue;
  // How long a fiber may hold the loop while others wait.
  Duration stall_threshold = std::chrono::milliseconds(10);
  // Threads that run fibers away from the loop at one time, those included that wait in the kernel:
  // what exists. Beyond it a hog keeps the loop until one of them is free, and shedding() is true.
  int max_rescued = 1024;
  // Nice value added to such a thread when it has computed for `demote_after` without suspending
  // (and holds no Mutex or SharedMutex), so that the loop wins the CPU.
  int rescued_nice = 10;
  // Run a kind of task that has hogged the loop on side carriers …
  bool learn_placement = true;
  // … until it has not hogged for this long.
  Duration placement_memory = std::chrono::minutes(10);
  // Threads of offload_cpu() (0: one per allowed core) and of offload_blocking().
  int cpu_threads = 0;
  int blocking_threads = 64;
  // Where stall reports go; null: the log. Called on a thread of the monitor's, one report at a
  // time; must outlive the Runtime.
  observe::StallSink* stall_sink = nullptr;
  // Side carriers that compute at one time: what runs. Further fibers whose kind is exiled queue
  // for them, never on the loop; hogs that are rescued while they run count, but are not kept from
  // it. 0: twice the allowed cores, at least 16.
  int side_carriers = 0;
  // For how long a thread away from the loop may compute in one go at its own priority.
  Duration demote_after = std::chrono::seconds(1);
};

// Counts since start, and present values.
struct RuntimeStats {
  std::uint64_t switches = 0;  // fiber switches
  std::uint64_t spawned = 0;   // fibers ever started
  std::uint64_t fibers = 0;    // alive now
  std::uint64_t stalls = 0;   // fibers seen holding the loop past the threshold while others waited
  std::uint64_t rescues = 0;  // of those, loops moved away
  std::uint64_t rescues_refused = 0;  // stalls that could not be rescued at first: no thread
  std::uint64_t rescued_now = 0;      // fibers that run on the thread on which they were rescued
  std::uint64_t placed_aside = 0;  // slices sent to side carriers: the fiber or its kind had hogged
  std::uint64_t exiled_kinds = 0;  // kinds that run on side carriers now
  std::uint64_t side_waiting = 0;  // fibers that wait for a side carrier
  std::uint64_t threads = 0;       // carrier, side and spare threads
};

// One per process is the rule (it owns a monitor thread); tests may have several. What uses it
// (sockets, Tasks, executors of fibers) must be gone before it.
class Runtime {
 public:
  explicit Runtime(RuntimeOptions options = {});
  // REQUIRES: run() is not active.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Runs `main` as the first fiber; returns when every fiber has ended. The calling thread only
  // waits: were it a carrier, a rescue would leave it at a lower priority for good. Throws what
  // `main` threw, std::system_error when no thread can be started. An exception of `main` (but for
  // Cancelled) is logged at once and stops the other tasks, so that it does not wait for them.
  // REQUIRES: not called from a fiber; one run() at a time.
  void run(std::move_only_function<void()> main);

  // Starts a fiber of this loop from any thread, before or during run(). The handle may be joined
  // from any thread or fiber. Throws std::runtime_error when run() has returned, std::bad_alloc
  // when there is no memory for a stack.
  Task spawn(std::move_only_function<void()> body, SpawnOptions options = {},
             std::source_location site = std::source_location::current());

  // True while the loop is late and cannot be helped: a fiber holds it and no thread is left to
  // rescue it, or those who waited for that have not all run yet. A server then answers 503. Any
  // thread.
  bool shedding() const;
  // Asks every task of this runtime to stop, those spawned until run() returns included: cancels
  // them all. Idempotent. Any thread.
  void stop();
  // Any thread; the counts are each exact, but not of one moment.
  RuntimeStats stats() const;
  // Every fiber and native task of this runtime, also while its loop is hung. Looks at each (about
  // 0.15 µs) and stops nobody; with very many, not from a fiber, which would be a hog. Any thread.
  TaskList tasks(const TaskQuery& query = {}) const;
  // Where a task is, innermost first; empty when it has not begun. While a pool's thread works for it:
  // that thread's stack, then the task's. Of one that runs the stack is asked for by a signal, which
  // waits for up to 50 ms. kNotFound when there is no such task, kUnavailable when it did not hold
  // still. Reads debug information: not on a fiber. Any thread.
  Result<std::vector<observe::StackFrame>> task_stack(std::uint64_t id) const;
  // Nanoseconds of steady time at the loop's last pass through its scheduler: a heartbeat that no
  // rescued fiber can stop. Any thread.
  SteadyTime last_pass() const;

  // The runtime whose fiber is running on this thread (rescued included), or null.
  static Runtime* current();

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace saola::runtime
