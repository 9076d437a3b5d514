// What lists of tasks read of a task that goes on meanwhile: what it waits for, and on which thread
// it runs. Nobody waits for a reader, and a reader waits for nobody.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include <saola/base/time.hpp>
#include <saola/runtime/wait_kind.hpp>

namespace saola::runtime::detail {

// CLOCK_MONOTONIC, whatever clock tasks sleep by.
inline std::int64_t real_ns() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

// A task's present wait. `since_` is 0 while there is none, and different for each wait: the upper 48
// bits are the time, to 65 µs, the lower 16 a number. So it tells a reader whether what was read
// belongs together: each store of a new wait releases the 0 before it; a reader (acquire) who saw
// one of them sees, when it looks again, that `since_` has changed. On x86 all are plain moves.
//
// Begun by who parks the task, ended by who makes it ready: the owner of its place (Fiber), the
// thread itself (BlockingTask). A notifier whose message has to wait in an inbox ends it as well, for
// the reader's sake.
class WaitRecord {
 public:
  // `number` differs from those of the task's last waits.
  void begin(WaitFor what, Deadline until, std::int64_t now_ns, std::uint64_t number) {
    const bool timed = !until.is_never();
    if (timed) until_ns_.store(until.time().time_since_epoch().count(), std::memory_order_release);
    what_.store(static_cast<std::uint64_t>(what.kind) << 57 |
                    static_cast<std::uint64_t>(timed) << 56 | (what.id & kIdBits),
                std::memory_order_release);
    since_.store((static_cast<std::uint64_t>(now_ns) & ~kNumberBits) | (number & kNumberBits),
                 std::memory_order_release);
  }
  void end() { since_.store(0, std::memory_order_relaxed); }

  struct Seen {
    WaitFor what;
    Deadline until = Deadline::never();
    std::uint64_t mark = 0;  // for still()
    SteadyTime since() const {
      return SteadyTime(Duration(static_cast<std::int64_t>(mark & ~kNumberBits)));
    }
  };
  std::optional<Seen> look() const {
    const std::uint64_t since = since_.load(std::memory_order_acquire);
    if (since == 0) return std::nullopt;
    const std::uint64_t what = what_.load(std::memory_order_acquire);
    const std::int64_t until_ns = until_ns_.load(std::memory_order_acquire);
    if (!still(since)) return std::nullopt;  // it has gone on: it does not wait
    Seen seen{.what = {static_cast<WaitKind>(what >> 57), what & kIdBits}, .mark = since};
    if ((what >> 56 & 1) != 0) seen.until = Deadline::at(SteadyTime(Duration(until_ns)));
    return seen;
  }
  // Is it the wait that was seen with this mark?
  bool still(std::uint64_t mark) const { return since_.load(std::memory_order_acquire) == mark; }

 private:
  static constexpr std::uint64_t kNumberBits = (1ULL << 16) - 1;
  static constexpr std::uint64_t kIdBits = (1ULL << 56) - 1;
  std::atomic<std::uint64_t> since_{0};
  std::atomic<std::uint64_t> what_{0};
  std::atomic<std::int64_t> until_ns_{0};
};

// The thread that a task runs on, where that is its own or one away from the loop: a native task's,
// a side carrier, one that has lost the loop, the pool's thread that works for it. All else is
// written before `tid`, which releases it. Each thread ends its own record only.
class ThreadRecord {
 public:
  struct Seen {
    pid_t tid = 0;           // 0: none
    std::uint64_t word = 0;  // a carrier's name for this run of the fiber; 0: no carrier
    SteadyTime since{};
    Duration cpu_before{};  // the thread's CPU clock when it began
    // The thread's own stack; of no carrier.
    std::uintptr_t bottom = 0;
    std::uintptr_t top = 0;
  };
  void begin(const Seen& run) {
    word_.store(run.word, std::memory_order_relaxed);
    since_ns_.store(run.since.time_since_epoch().count(), std::memory_order_relaxed);
    cpu_before_ns_.store(run.cpu_before.count(), std::memory_order_relaxed);
    bottom_.store(run.bottom, std::memory_order_relaxed);
    top_.store(run.top, std::memory_order_relaxed);
    tid_.store(run.tid, std::memory_order_release);
  }
  void end(pid_t tid) { tid_.compare_exchange_strong(tid, 0, std::memory_order_acq_rel); }
  Seen look() const {
    return {.tid = tid_.load(std::memory_order_acquire),
            .word = word_.load(std::memory_order_relaxed),
            .since = SteadyTime(Duration(since_ns_.load(std::memory_order_relaxed))),
            .cpu_before = Duration(cpu_before_ns_.load(std::memory_order_relaxed)),
            .bottom = bottom_.load(std::memory_order_relaxed),
            .top = top_.load(std::memory_order_relaxed)};
  }

 private:
  std::atomic<pid_t> tid_{0};
  std::atomic<std::uint64_t> word_{0};
  std::atomic<std::int64_t> since_ns_{0};
  std::atomic<std::int64_t> cpu_before_ns_{0};
  std::atomic<std::uintptr_t> bottom_{0};
  std::atomic<std::uintptr_t> top_{0};
};

}  // namespace saola::runtime::detail
