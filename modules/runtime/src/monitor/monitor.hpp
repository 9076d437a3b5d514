// The monitor: one thread that sees a fiber hold the loop while others wait, says who it is, and
// takes the loop away from it. It waits for nothing but its own clock: it shares no lock with
// fibers, starts and joins no thread, and writes to no log; it reads atomics and asks the kernel.
//
// Two ways to be a hog:
// * one slice longer than the threshold (or a fraction of it, while those who waited through
//   another stall have not run yet);
// * many slices that each make the others late by a good part of it: see Occupancy.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <saola/observe/stall_report.hpp>
#include <saola/runtime/runtime.hpp>

#include "loop/loop.hpp"
#include "monitor/capture.hpp"
#include "monitor/rescue.hpp"
#include "monitor/stall_reporter.hpp"
#include "monitor/thread_probe.hpp"

namespace saola::runtime::detail {

// How much of the loop's time a kind of fiber takes in slices long enough to be seen, while others
// wait: a bucket that such slices fill and time empties, at a quarter of the speed. So a kind that
// takes more than a quarter of the loop this way runs over, whatever it yields in between.
class Occupancy {
 public:
  // `key` took `taken` until now. Returns what is in its bucket.
  Duration add(std::uint64_t key, Duration taken, SteadyTime now);
  void forget(std::uint64_t key);

 private:
  static constexpr int kDrain = 4;
  struct Bucket {
    std::uint64_t key = 0;
    Duration level{};
    SteadyTime last{};
  };
  std::array<Bucket, 16> buckets_;
};

class Monitor {
 public:
  explicit Monitor(Runtime::Impl& impl);
  ~Monitor();

  // Between watch(true) and watch(false) the loop has a carrier. watch(false) returns when the
  // monitor no longer looks at it.
  void watch(bool on);
  // A stall could not be rescued, and those who waited have not all run.
  bool late() const { return late_.load(std::memory_order_relaxed); }
  // Since when the loop's fiber has run in the slice that this number of switches names, if a look
  // has seen it. Any thread.
  std::optional<SteadyTime> slice_since(std::uint64_t switches) const;
  // Counts only what the monitor counts.
  RuntimeStats stats() const;

 private:
  struct Seen {
    std::uint64_t switches = 0;
    SteadyTime since{};
    // From when on its use of the CPU was looked at: only when it has been seen running twice.
    SteadyTime usage_since{};
    ThreadProbe::Usage usage;
    bool handled = false;  // nothing more to do about this stall
    bool refused = false;  // counted as a stall, and tried again at each look
    bool open = false;     // reported, and its end has to be
    StallNote note;
  };
  // Whom the monitor is about to judge.
  struct Suspect {
    std::uint64_t word;
    Duration held;       // in this slice
    Duration threshold;  // of its own time that it must have used
    Duration occupied;   // over several slices; zero: this one is long enough by itself
  };

  void run();
  // One look. Returns how long to sleep.
  Duration tick();
  Duration look_at_the_loop(SteadyTime now);
  void sample_cpu();
  void judge(const Suspect& suspect, SteadyTime now);
  StallNote describe(const Fiber& fiber, pid_t tid, std::uint64_t word, bool blocked, bool wait,
                     std::string& kind);
  enum class Outcome { kRescued, kCameBack, kNoThread };
  Outcome rescue(const Suspect& suspect, StallNote note, std::string kind, bool certain,
                 SteadyTime now);
  [[noreturn]] void abort_process(StallNote note);
  void collect_ended(SteadyTime now);
  // What is not known in the moment of the theft: did anybody wait? Is it long enough for exile?
  void follow_up(SteadyTime now);
  void exile(Rescue& entry, Duration held, SteadyTime now);
  void pardon(SteadyTime now);
  // Asks one rescued fiber for the stack that its report lacks, and takes the answer.
  void complete_report(SteadyTime now);
  void report(Rescue& entry);
  // Behind the report of the stall that was the reason.
  void report_exile(Rescue& entry);
  // Threads that have computed for long get a lower priority; side carriers that wait in the kernel
  // make room for others.
  void look_at_the_side(SteadyTime now);
  bool demote(pid_t tid, const Fiber* fiber, Duration held) const;
  // Takes in who waits for locks of rescued fibers, as last asked, and asks again.
  void look_at_locks(SteadyTime now);
  void close_stall(SteadyTime now);

  Runtime::Impl& impl_;
  StallReporter reporter_;

  // ---- The monitor's thread only (and watch(), with mutex_ held).
  ThreadProbe probe_;
  Seen seen_;
  Occupancy occupancy_;
  SteadyTime last_tick_{};
  pid_t sampled_tid_ = 0;  // the loop's carrier at the last sample, and its CPU clock
  Duration sampled_cpu_{};
  std::list<Rescue> rescues_;
  std::map<std::uint64_t, std::string> exiled_;  // kinds by hash
  SteadyTime locks_asked_{};
  SteadyTime side_looked_{};
  std::uint64_t side_picks_ = 0;
  SteadyTime side_stuck_since_{};
  // The rescued fiber whose stack is asked for, and since when.
  StackQuestion question_;
  Rescue* asked_ = nullptr;
  SteadyTime asked_since_{};

  // Written by the monitor's thread, read by anyone: relaxed.
  std::atomic<std::uint64_t> stalls_{0};
  std::atomic<std::uint64_t> rescues_total_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> exiled_kinds_{0};
  std::atomic<int> rescued_now_{0};
  std::atomic<bool> late_{false};
  // The slice that the last look saw, and since when: release after the time, acquire before it; a
  // time that belongs to the next slice is noticed by a second look at `slice_`, or it is a tick off.
  std::atomic<std::uint64_t> slice_{0};
  std::atomic<std::int64_t> slice_since_ns_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool watching_ = false;  // GUARDED_BY(mutex_); tick() runs with mutex_ held
  bool stopping_ = false;  // GUARDED_BY(mutex_)
  std::thread thread_;
};

}  // namespace saola::runtime::detail
