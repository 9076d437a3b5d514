// Runtime: one event loop, the threads that carry it, the monitor that rescues it, and the native
// pools.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>

#include <saola/base/time.hpp>
#include <saola/observe/stall_report.hpp>
#include <saola/runtime/task.hpp>

namespace saola::runtime {

struct RuntimeOptions {
  // Address space a fiber's stack reserves, guard page included; memory is used only as touched.
  // Bytes.
  std::size_t stack_bytes = 256 * 1024;
  StallPolicy on_stall = StallPolicy::kRescue;
  // How long a fiber may hold the loop while others wait.
  Duration stall_threshold = std::chrono::milliseconds(10);
  // Rescued fibers at one time. At the cap nothing more is rescued and shedding() is true.
  int max_rescued = 16;
  // Nice value added to a thread that runs a rescued fiber, so that the loop wins the CPU.
  int rescued_nice = 10;
  // Start a kind of task that has hogged on a native thread the next time …
  bool learn_placement = true;
  // … until it has not hogged for this long.
  Duration placement_memory = std::chrono::minutes(10);
  // Threads of offload_cpu() (0: one per allowed core) and of offload_blocking().
  int cpu_threads = 0;
  int blocking_threads = 64;
  // Where stall reports go; null: the log. Called on the monitor's thread; must outlive the
  // Runtime.
  observe::StallSink* stall_sink = nullptr;
};

// Counts since start, and present values.
struct RuntimeStats {
  std::uint64_t switches = 0;  // fiber switches
  std::uint64_t spawned = 0;   // fibers ever started
  std::uint64_t fibers = 0;    // alive now
  std::uint64_t stalls = 0;   // fibers seen holding the loop past the threshold while others waited
  std::uint64_t rescues = 0;  // of those, loops moved away
  std::uint64_t rescues_refused = 0;  // at the cap
  std::uint64_t rescued_now = 0;      // fibers running as native threads after a rescue
  std::uint64_t placed_native =
      0;                      // tasks started on a native thread because their kind had hogged
  std::uint64_t threads = 0;  // carrier and spare threads
};

// One per process is the rule (it owns a monitor thread); tests may have several.
class Runtime {
 public:
  explicit Runtime(RuntimeOptions options = {});
  // REQUIRES: run() is not active.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Runs `main` as the first fiber; returns when every fiber has ended. The calling thread only
  // waits: were it a carrier, a rescue would leave it at a lower priority for good. Throws what
  // `main` threw, std::system_error when no thread can be started. REQUIRES: not called from a
  // fiber; one run() at a time.
  void run(std::move_only_function<void()> main);

  // Starts a fiber of this loop from any thread. The handle may be joined from any thread or fiber.
  Task spawn(std::move_only_function<void()> body, SpawnOptions options = {},
             std::source_location site = std::source_location::current());

  // True while the rescue cap is reached: a server then answers 503. Any thread.
  bool shedding() const;
  RuntimeStats stats() const;
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
