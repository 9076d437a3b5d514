// The event loop: ready fibers, timers, epoll, and the word that says which thread owns them.
//
// Ownership. `word_` is the only thing two threads contend for:
//
//        enter: CAS by the fiber's thread            steal: CAS by the monitor
//   ┌──────────────────────────────────┐  running #e ──────────────────────► stolen #e
//   ▼                                  │  (e<<2 | 1)                         (e<<2 | 2)
//  kInRuntime (0) ─────────────────────┘                                         │
//   ▲         leave: store by the owner                                          │
//   └────────────────────────────────────────────────────────────────────────────┘
//                          take over: store by the spare carrier
//
// * In runtime: the thread that made it so owns the loop and everything marked "owner" below, until
// it stores
//   something else. Nobody else may change the word.
// * Running #e: user code of the fiber of switch e. The loop is not touched. The fiber's thread may
// take it
//   back (enter) and the monitor may take it away (steal); the CAS decides who.
// * Stolen #e: on its way to a spare carrier, which alone may change the word.
// e grows with every switch and is never used again, so a thread whose loop was stolen can never
// again succeed with its CAS from running #e: it knows that it owns nothing. The CASes are acq_rel
// and the stores release: each owner sees all that earlier owners did. docs/runtime-ownership.md
// argues the rest; modules/runtime/model is the model.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include <saola/base/unique_fd.hpp>
#include <saola/runtime/runtime.hpp>

#include "loop/fiber.hpp"
#include "loop/fp_control.hpp"
#include "loop/timer_heap.hpp"
#include "monitor/lock_waits.hpp"

struct epoll_event;

namespace saola::runtime::detail {

struct FdWatch;
class CarrierPool;

inline constexpr std::uint64_t kInRuntime = 0;
inline constexpr std::uint64_t running_word(std::uint64_t epoch) {
  return epoch << 2 | 1;
}
inline constexpr std::uint64_t stolen_word(std::uint64_t run_word) {
  return run_word + 1;
}
inline constexpr bool is_running(std::uint64_t word) {
  return (word & 3) == 1;
}

class Loop {
 public:
  Loop(const RuntimeOptions& options, Runtime::Impl& host);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // The runtime this loop belongs to.
  Runtime::Impl& host;

  // ---- Any thread.
  Fiber* create_fiber(std::move_only_function<void()> body);
  void free_fiber(Fiber* fiber);
  // Makes a fiber ready that is neither running nor ready.
  void schedule(Fiber& fiber);
  // Returns whether the inbox was empty.
  bool send(InboxNode& node);

  // ---- The thread that runs one of this loop's fibers (its carrier, or a thread it was rescued
  // on). Takes the loop for `fiber`; if it was stolen, first sends the fiber home, so that it
  // returns on another thread. Returns the carrier, which now is in the runtime. SUSPENDS in that
  // case.
  Carrier* enter(Fiber& fiber);
  // As enter(), but null instead of going home.
  static Carrier* try_enter(Carrier* carrier) {
    std::uint64_t expected = carrier->run_word;
    // Acquire on failure too: go_home() must see the `stealing` that was set before the theft.
    if (!carrier->loop->word_.compare_exchange_strong(
            expected, kInRuntime, std::memory_order_acq_rel, std::memory_order_acquire)) {
      return nullptr;
    }
    carrier->in_runtime = true;
    return carrier;
  }
  static void leave(Carrier* carrier) {
    carrier->in_runtime = false;
    carrier->loop->word_.store(carrier->run_word, std::memory_order_release);
  }
  Wake park(Fiber& fiber, Waiter& waiter, Deadline deadline, Cancellable cancellable);
  // As this_task::yield(), for the carrier's fiber.
  void yield(Carrier* carrier);

  // ---- Owner only.
  Wake park_owned(Carrier*& carrier, Fiber& fiber, Waiter& waiter, Deadline deadline,
                  Cancellable cancellable);
  int epoll_fd() const { return epoll_.get(); }
  void make_ready(Fiber& fiber);

  // ---- A carrier thread, on its own stack.
  enum class Carried { kFinished, kLost };
  // Drives the loop until every fiber has ended, or until the fiber it runs is rescued and later
  // leaves this thread. REQUIRES: the caller owns the loop.
  Carried carry(Carrier& carrier);
  // First owner: from in-runtime with nobody there.
  void adopt(Carrier& carrier);

  // ---- The monitor.
  struct Sight {
    std::uint64_t switches;  // grows with each switch and each idle wait
    bool idle;
    std::uint64_t word;
  };
  Sight look() const;
  // Valid for use only if word() still equals `word` afterwards.
  Fiber* running_fiber() const { return running_.load(std::memory_order_acquire); }
  Carrier* running_carrier() const { return carrier_.load(std::memory_order_acquire); }
  SteadyTime last_pass() const {
    return SteadyTime(Duration(last_pass_ns.load(std::memory_order_relaxed)));
  }
  pid_t carrier_tid() const { return carrier_tid_.load(std::memory_order_relaxed); }
  std::uint64_t word() const { return word_.load(std::memory_order_acquire); }
  bool others_wait() const;
  // Timers and sockets have not been looked at for a while although fibers switch: do it at the
  // next pick.
  void want_pass() { until_pass_.store(0, std::memory_order_relaxed); }
  std::uint64_t backlog() const { return backlog_.load(std::memory_order_relaxed); }
  bool steal(std::uint64_t run_word);
  LockQuestion lock_question;

  // Set by the monitor before it steals, cleared when it has noted down the hog's carrier. A hog
  // waits for that before it leaves its thread, so the carrier lives as long as the monitor looks
  // at it.
  std::atomic<bool> stealing{false};
  // Wakes a monitor that sleeps because the loop was idle; see Monitor.
  std::atomic<std::uint32_t> monitor_wanted{0};

  // ---- Counters, written by the owner.
  std::atomic<std::uint64_t> switches{0};
  std::atomic<std::uint64_t> spawned{0};
  std::atomic<std::uint64_t> live{0};
  std::atomic<std::int64_t> last_pass_ns{0};

 private:
  friend struct Fiber;
  friend void fiber_main(boost::context::detail::transfer_t transfer);

  Carrier* switch_out(Carrier* carrier, Context& from);
  [[noreturn]] void end_fiber(Carrier* carrier, Fiber& fiber);
  Carrier* go_home(Carrier* carrier, Fiber& fiber);
  // After a switch: frees the fiber that ended with it.
  Carrier* settle(Carrier* carrier);
  void bury(Carrier* carrier);
  Fiber* pick();
  void start(Fiber& fiber);
  void drain_inbox();
  void run_timers();
  void poll(bool wait);
  void stop_sleeping();
  void pass();
  void set_ready_count(std::uint64_t n) { ready_count_.store(n, std::memory_order_relaxed); }
  void publish_next_timer();

  std::atomic<std::uint64_t> word_{kInRuntime};

  // ---- Owner.
  std::uint64_t epoch_ = 0;
  Fiber* ready_head_ = nullptr;
  Fiber* ready_tail_ = nullptr;
  int batch_ = 1;  // picks until the clock is looked at, doubled while fibers switch fast
  std::uint64_t pass_tsc_ = 0;
  const FpControl fp_control_;  // what a new fiber starts with: that of the Runtime's maker
  TimerHeap timers_;
  LockWaits lock_waits_;
  StackPool stacks_;
  std::unique_ptr<epoll_event[]> events_;

  // ---- Written by the owner, read by the monitor; relaxed: a stale value costs one tick.
  std::atomic<std::uint64_t> ready_count_{0};
  // Picks left before timers and sockets are looked at. The monitor may set it to 0; if the owner's
  // store wins, it tries again at its next tick.
  std::atomic<int> until_pass_{0};
  std::atomic<std::uint64_t> backlog_{
      0};  // fibers that waited through a stall and have not run since
  std::atomic<std::int64_t> next_timer_ns_{INT64_MAX};
  std::atomic<Fiber*> running_{nullptr};
  std::atomic<Carrier*> carrier_{nullptr};
  std::atomic<pid_t> carrier_tid_{0};

  // ---- Any thread.
  // A stack of nodes; senders push with release, the owner takes all with acquire.
  std::atomic<InboxNode*> inbox_{nullptr};
  // The owner is about to wait, or waits, in epoll_wait. Sequentially consistent with inbox_:
  // either the sender sees true and writes the eventfd, or the owner sees the node and does not
  // wait.
  std::atomic<bool> asleep_{false};
  unique_fd epoll_;
  unique_fd wake_;
  SpinLock fibers_guard_;
  Fiber* free_fibers_ = nullptr;                    // GUARDED_BY(fibers_guard_)
  std::vector<std::unique_ptr<Fiber>> all_fibers_;  // GUARDED_BY(fibers_guard_)
};

}  // namespace saola::runtime::detail
