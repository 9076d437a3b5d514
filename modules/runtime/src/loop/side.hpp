// Side: where fibers run that have hogged the loop, or whose kind has: a bounded set of threads,
// the side carriers, with a ready queue and timers of their own.
//
// A fiber is the same task in both places. Only where its slices run differs:
//
//      the loop                                    the side
//   ready ──pick()──► running ──(theft)──────────► running (on the thread that lost the loop)
//     ▲  └─(exiled)──────────────────► ready ──► running ──► parked ──► ready …
//     └────────────(behaved again)───────┴──────────┘
//
// * Whether a fiber belongs here is asked each time it is picked, there and here (Exiles::holds()).
// * A fiber leaves a side carrier by a switch to the thread's own stack; what it asked for
//   (Carrier::leaving) is done there, when nobody runs on the fiber's stack any more.
// * Senders never wait: they push to the inbox. Everything else is guarded by `guard_`, which only
//   side carriers take, and the monitor if it gets it at once.
// * At most `limit` side carriers compute at one time; further fibers queue here, never on the loop.
//   One that waits in the kernel takes no CPU: for each such the monitor allows one more (allow()).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include <saola/base/inbox.hpp>

#include "loop/exiles.hpp"
#include "loop/fiber.hpp"
#include "loop/timer_heap.hpp"

namespace saola::runtime::detail {

class CarrierPool;
class VirtualClock;

class Side {
 public:
  // `long_slice`: one of this length keeps a fiber, or its kind, here for longer.
  Side(CarrierPool& pool, Exiles& exiles, int carriers, Duration long_slice);
  ~Side();
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

  // ---- Any thread. Never waits.
  // kReady, kCancel: for a fiber whose place is the side.
  void send(InboxNode& node);
  std::int64_t next_timer_ns() const { return next_timer_ns_.load(); }
  // A timer is due: some side carrier has to look.
  void wake();
  // A test's virtual clock sees to the timers.
  bool on_virtual_time() const { return virtual_clock_ != nullptr; }

  // ---- The thread that runs one of its fibers, or one that has lost the loop to a theft.
  // As Waiter::park(). SUSPENDS.
  Wake park(Carrier* carrier, Fiber& fiber, Waiter& waiter, Deadline deadline, bool may_cancel);
  // As this_task::yield(), without a look at the cancel. SUSPENDS.
  void yield(Carrier* carrier, Fiber& fiber);
  [[noreturn]] void end(Carrier* carrier, Fiber& fiber);
  // The calling fiber is about to be of another kind: if it runs here and took too long, that
  // counts for the kind that it was.
  void judge_caller(Fiber& fiber);

  // ---- A carrier thread, on its own stack.
  // Runs fibers until there is nothing to do for one more side carrier. REQUIRES: counted in
  // `running_`, by wake() or by stolen().
  void run(Carrier& carrier);
  // The same for a thread whose fiber has just left it after a theft.
  void run_after_theft(Carrier& carrier);

  // ---- The monitor.
  // The hog whose loop was just stolen counts as a side carrier.
  void stolen();
  struct Sight {
    std::uint64_t picks = 0;    // grows with each slice that begins
    std::uint64_t waiting = 0;  // fibers that are ready, or have a timer due, and have no carrier
    int running = 0;
    int limit = 0;
  };
  Sight look() const;
  // That many of the side carriers wait in the kernel.
  void allow(int blocked);
  // Calls `visit(Carrier&)` for each listed side carrier; false when the lock was not free.
  template <typename Visit>
  bool for_each_carrier(Visit visit) {
    if (!guard_.try_lock()) return false;
    for (Carrier* carrier = first_; carrier != nullptr; carrier = carrier->next) visit(*carrier);
    guard_.unlock();
    return true;
  }

 private:
  // The thread that runs `carrier` has lost the loop and counts as a side carrier from now on.
  static void join(Carrier& carrier);
  Carrier* switch_to_base(Carrier* carrier, Fiber& fiber, Leaving leaving);
  void run_slice(Carrier& carrier, Fiber& fiber);
  void work(Carrier& carrier);
  void judge_slice(Carrier& carrier, SteadyTime now);
  // What the fiber asked for when it left.
  void leave(Carrier& carrier);
  // Parks it, with guard_ held. False: it need not wait, or (its state is kIdle) there is no
  // memory.
  bool park_fiber(Fiber& fiber, const Leaving& leaving);
  // The next fiber for one of `running_`; null: none, and the caller is no longer one of them.
  Fiber* next(Carrier& carrier);
  // ---- REQUIRES: guard_ held.
  void drain_inbox();
  void run_timers();
  void make_ready(Fiber& fiber);
  void publish_next_timer();
  void list(Carrier& carrier);
  void unlist(Carrier& carrier);

  CarrierPool& pool_;
  Exiles& exiles_;
  const int carriers_;
  const Duration long_slice_;
  VirtualClock* const virtual_clock_;  // a test's; else null

  // Pushed by any thread, taken with guard_ held; sequentially consistent with running_: either a
  // carrier that goes sees the node, or who sent it sees that it has gone.
  Inbox<InboxNode> inbox_;
  // Side carriers at work or called. Raised before the pool is asked, so that nobody asks twice.
  std::atomic<int> running_{0};
  // carriers_, and as many more as wait in the kernel.
  std::atomic<int> limit_;
  // See CarrierPool::looks_at_ns_.
  std::atomic<std::int64_t> next_timer_ns_{INT64_MAX};
  // Relaxed: for the monitor and for this_task::yield() of a fiber that may be alone.
  std::atomic<std::uint64_t> picks_{0};
  std::atomic<std::uint64_t> ready_count_{0};
  std::atomic<std::uint64_t> words_{0};  // names the runs of fibers here

  std::mutex guard_;
  // All GUARDED_BY(guard_).
  Fiber* ready_head_ = nullptr;
  Fiber* ready_tail_ = nullptr;
  TimerHeap timers_;
  Carrier* first_ = nullptr;
};

}  // namespace saola::runtime::detail
