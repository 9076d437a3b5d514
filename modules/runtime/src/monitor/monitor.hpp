// The monitor: one thread that sees a fiber hold the loop while others wait, says who it is, and
// takes the loop away from it. It shares no lock with fibers: it reads atomics and asks the kernel.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <saola/observe/stall_report.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/runtime/stall_logger.hpp>

#include "monitor/stack_walk.hpp"
#include "monitor/thread_probe.hpp"

namespace saola::runtime::detail {

struct Fiber;
class Loop;

// What the monitor knows of one stall; addresses, not names yet.
struct StallNote {
  observe::StallReport report;  // without its stack
  std::vector<std::uintptr_t> stack;
};

// One rescued fiber. Owned by the monitor; the hog's thread only stores the time at which it left.
struct Rescue {
  const std::uint64_t task;  // its id
  const pid_t tid;
  const std::uint64_t word;  // under which it ran
  StallNote note;
  std::string kind;  // what placement is learned for; empty: nothing
  SteadyTime since{};
  bool learned = false;
  // Its first report is not told before there is a stack to go with it, or no more hope of one.
  bool told = false;
  int tries = 0;
  bool lock_told = false;
  std::atomic<std::int64_t> ended_ns{
      0};  // 0: still away. Release by the hog's thread, acquire by the monitor.
};

// Turns notes into reports: symbolises and tells the sink, on a thread of its own, for reading
// debug information takes longer than a stall may.
class StallReporter {
 public:
  explicit StallReporter(observe::StallSink* sink);
  ~StallReporter();
  void add(StallNote note);
  // Tells what has been added, then stops. Idempotent.
  void finish();

 private:
  void run();

  StallLogger log_;  // when nobody else is told
  observe::StallSink& sink_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<StallNote> notes_;  // GUARDED_BY(mutex_)
  std::uint64_t dropped_ = 0;    // GUARDED_BY(mutex_)
  bool stopping_ = false;        // GUARDED_BY(mutex_)
  std::thread thread_;
};

class Monitor {
 public:
  explicit Monitor(Runtime::Impl& impl);
  ~Monitor();

  // Between watch(true) and watch(false) the loop has a carrier. watch(false) returns when the
  // monitor no longer looks at it.
  void watch(bool on);
  bool at_cap() const { return rescued_now_.load(std::memory_order_relaxed) >= max_rescued_; }
  // Counts only what the monitor counts.
  RuntimeStats stats() const;
  void report_placed(std::string_view name, const std::string& kind, std::string why);

 private:
  struct Seen {
    std::uint64_t switches = 0;
    SteadyTime since{};
    // From when on its use of the CPU was looked at: only when it has been seen running twice.
    SteadyTime usage_since{};
    ThreadProbe::Usage usage;
    bool handled = false;  // nothing more to do about this stall
    bool open = false;     // reported, and its end has to be
    StallNote note;
  };

  void run();
  // One look. Returns how long to sleep.
  Duration tick();
  void judge(std::uint64_t word, SteadyTime now, Duration held, Duration threshold, bool backlog);
  StallNote describe(const Fiber& fiber, pid_t tid, std::uint64_t word, bool blocked,
                     std::string& kind);
  bool rescue(std::uint64_t word, StallNote note, std::string kind, bool learn);
  void collect_ended();
  // Asks one rescued fiber for the stack that its report lacks.
  void complete_report();
  void tell(Rescue& entry);
  // Takes in who waits for locks of rescued fibers, as last asked, and asks again.
  void look_at_locks(SteadyTime now);
  void close_stall(SteadyTime now);

  Runtime::Impl& impl_;
  const int max_rescued_;
  StallReporter reporter_;
  ThreadProbe probe_;
  Seen seen_;
  bool refill_ = false;        // spares were used; the monitor's thread only
  std::list<Rescue> rescues_;  // the monitor's thread only
  SteadyTime locks_asked_{};   // the monitor's thread only

  // Written by the monitor's thread, read by anyone: relaxed counters.
  std::atomic<std::uint64_t> stalls_{0};
  std::atomic<std::uint64_t> rescues_total_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<int> rescued_now_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool watching_ = false;  // GUARDED_BY(mutex_); tick() runs with mutex_ held
  bool stopping_ = false;  // GUARDED_BY(mutex_)
  std::thread thread_;
};

}  // namespace saola::runtime::detail
