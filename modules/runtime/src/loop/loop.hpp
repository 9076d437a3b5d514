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
//   it stores something else. Nobody else may change the word.
// * Running #e: user code of the fiber of switch e. The loop is not touched. The fiber's thread may
//   take it back (enter) and the monitor may take it away (steal); the CAS decides who.
// * Stolen #e: on its way to a spare carrier, which alone may change the word.
// e grows with every switch and is never used again, so a thread whose loop was stolen can never
// again succeed with its CAS from running #e: it knows that it owns nothing. The CASes are acq_rel
// and the stores release: each owner sees all that earlier owners did. docs/runtime-ownership.md
// argues the rest; modules/runtime/model is the model.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include <saola/base/inbox.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/runtime/runtime.hpp>

#include "loop/exiles.hpp"
#include "loop/fiber.hpp"
#include "loop/fp_control.hpp"
#include "loop/side.hpp"
#include "loop/timer_heap.hpp"
#include "monitor/lock_waits.hpp"

struct epoll_event;

namespace saola::runtime::detail {

class CarrierPool;
class SeededOrder;
class VirtualClock;

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

// What speaks for it that others wait while a fiber runs.
enum class Others : std::uint8_t {
  kNobody,
  kPerhaps,  // a socket or the inbox has something, which may concern nobody
  kSurely,   // ready fibers, or a timer that is due
};

inline constexpr int kEventsPerPoll = 128;
inline constexpr std::size_t kPriorities = 3;  // of Priority

// Ends the process in debug builds when the calling thread is in a runtime section: see
// Loop::try_enter().
#ifdef NDEBUG
inline void check_outside_section() {}
#else
void check_outside_section();
#endif

class Loop {
 public:
  Loop(const RuntimeOptions& options, Runtime::Impl& host, CarrierPool& carriers);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // The runtime this loop belongs to.
  Runtime::Impl& host;
  Exiles exiles;
  Side side;

  // ---- Any thread, not from a runtime section: this takes memory, and a lock.
  // A fiber that may run. Throws std::bad_alloc when there is no memory, or no stack.
  // `here`: callers_carrier().
  Fiber* create_fiber(std::move_only_function<void()>&& body, Carrier* here);
  // Calls `visit(Fiber&)` for every fiber there has been, dead ones too. The lock, for which spawn()
  // may wait, is held for the notes of where the next few are, not for the visits.
  template <typename Visit>
  void for_each_fiber(Visit visit) {
    std::array<Fiber*, 256> some;
    for (std::size_t at = 0;; at += some.size()) {
      std::size_t count = 0;
      {
        std::lock_guard lock(growth_);
        while (count < some.size() && at + count < all_fibers_.size()) {
          some[count] = &all_fibers_[at + count];
          ++count;
        }
      }
      for (std::size_t i = 0; i < count; ++i) visit(*some[i]);
      if (count < some.size()) return;
    }
  }

  // ---- Any thread.
  void free_fiber(Fiber* fiber);
  // One more task that keeps the loop alive; false when the loop has ended. One less: by the loop's
  // owner alone, who drains a node that says so.
  bool join_the_living();
  void send_away();  // takes join_the_living() back, for a task that never was
  // The carrier whose fiber the calling code is, if it is a fiber of this loop, which it keeps alive;
  // else null. Good until the caller suspends.
  Carrier* callers_carrier() const;
  // Real time (ns), to a few milliseconds while the loop is not idle: for less than a clock costs.
  std::int64_t about_now() const { return about_now_ns_.load(std::memory_order_relaxed); }
  void note_time(std::int64_t now_ns) { about_now_ns_.store(now_ns, std::memory_order_relaxed); }
  // Fibers and native tasks alive; while they come and go a hint.
  std::uint64_t living() const {
    return (living_.load(std::memory_order_relaxed) & ~kClosed) +
           static_cast<std::uint64_t>(counted_here_.load(std::memory_order_relaxed));
  }
  // Before a run: tasks may join again.
  void open() { living_.fetch_and(~kClosed); }
  // Makes a fiber ready that is neither running nor ready, and whose place is the loop.
  void schedule(Fiber& fiber);
  // The same for a new fiber, which is cancelled if the host is stopping. `here`: callers_carrier();
  // REQUIRES, if it is null: the fiber has joined the living.
  void start(Fiber& fiber, Carrier* here);
  // Who calls this after a sequentially consistent store S sees each fiber (Fiber::references) that
  // start() has not started after a look at S. For start() changes one of these two words before it
  // looks: if it did not see S, its change comes before these loads in the order of such operations,
  // which read it or what came later; and that was released by whom it had been handed on to: word_
  // by its owners, the counter by a chain of fetch_add.
  void meet_spawners() const {
    (void)word_.load();
    (void)spawned_elsewhere_.load();
  }
  std::uint64_t spawned() const {
    return spawned_here_.load(std::memory_order_relaxed) +
           spawned_elsewhere_.load(std::memory_order_relaxed);
  }
  // Returns whether the inbox was empty.
  bool send(InboxNode& node);

  // ---- The thread that runs one of this loop's fibers.
  // Takes the loop, if the thread still carries it: null when it does not. What follows until
  // leave() is a runtime section.
  //
  // THE RULE OF SECTIONS: between entering and leaving nobody else can run, and the monitor cannot
  // help. So a section does nothing that a user or the kernel can make slow, and nothing that
  // throws: no user code (callbacks, destructors of users' objects, what()), no log, no file or
  // pipe, no memory (make_room() before the first change, and roll back), no lock but a SpinLock
  // that guards a few instructions. Debug builds check it where such things are done:
  // check_outside_section().
  static Carrier* try_enter(Carrier* carrier) {
    check_outside_section();  // a section in a section would take itself for stolen
    if (carrier->side) [[unlikely]]
      return nullptr;
    std::uint64_t expected = carrier->run_word;
    // Acquire on failure too: Side::switch_to_base() must see the `stealing` that was set before
    // the theft.
    // Sequentially consistent for meet_spawners().
    if (!carrier->loop->word_.compare_exchange_strong(
            expected, kInRuntime, std::memory_order_seq_cst, std::memory_order_acquire)) {
      return nullptr;
    }
    carrier->in_runtime = true;
    return carrier;
  }
  static void leave(Carrier* carrier) {
    carrier->in_runtime = false;
    carrier->loop->word_.store(carrier->run_word, std::memory_order_release);
  }
  // A fiber goes on after a switch: on the loop the section ends, a side carrier has none.
  void resumed(Carrier* carrier) {
    if (carrier->left != nullptr) [[unlikely]]
      settle(carrier);
    if (carrier->loses_loop) [[unlikely]]
      be_stolen(carrier);
    if (carrier->in_runtime) [[likely]]
      leave(carrier);
  }
  Wake park(Fiber& fiber, Waiter& waiter, Deadline deadline, Cancellable cancellable);
  // As this_task::yield(), for the carrier's fiber.
  void yield(Carrier* carrier);
  // The calling fiber goes where it belongs by now: to the side if it is exiled, home if it is not.
  // SUSPENDS if that is elsewhere.
  void go_where_it_belongs(Fiber& fiber);
  int epoll_fd() const { return epoll_.get(); }
  // Before a watch is registered with epoll_fd(): whoever takes its events sees it whole.
  void publish_watch() { watches_made_.fetch_add(1, std::memory_order_release); }
  // Before a fiber runs for the first time.
  void prepare(Fiber& fiber) {
    if (fiber.context.stack == nullptr) prepare_stack(fiber);
  }

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
  Others others_wait() const;
  // Timers and sockets have not been looked at for a while although fibers switch: do it at the
  // next pick.
  void want_pass() { until_pass_.store(0, std::memory_order_relaxed); }
  std::uint64_t backlog() const { return backlog_.load(std::memory_order_relaxed); }
  // Those who are ready are late, as the next carrier will say too; see carry().
  void note_backlog() {
    backlog_.store(ready_count_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  bool steal(std::uint64_t run_word);
  // After a theft, with `stealing` still set: the hog is the fiber of its thread from now on. Its
  // slice began at `since`, its thread's CPU clock said `cpu_before` when it was last looked at.
  void note_theft(std::uint64_t run_word, SteadyTime since, Duration cpu_before);
  // Did the carrier that adopted the loop last find somebody who had waited? kPerhaps: not yet
  // known.
  Others found() const { return found_.load(std::memory_order_acquire); }
  LockQuestion lock_question;

  // ---- A test's virtual clock, while nothing that it counts is busy.
  // When the loop or its side goes on by itself; SteadyTime::min() if it is on its way.
  SteadyTime rests_until() const;
  // Wakes whichever of the two has a timer that is due by now.
  void time_has_moved();

  // Set by the monitor before it steals, cleared when it has noted down the hog's carrier. A hog
  // waits for that before it leaves its thread, so the carrier lives as long as the monitor looks
  // at it.
  std::atomic<bool> stealing{false};
  // Wakes a monitor that sleeps because the loop was idle; see Monitor.
  std::atomic<std::uint32_t> monitor_wanted{0};

  // ---- Counters, written by the owner.
  std::atomic<std::uint64_t> switches{0};
  std::atomic<std::uint64_t> moved_aside{0};  // picks of exiled fibers, sent to the side
  std::atomic<std::int64_t> last_pass_ns{0};

 private:
  friend void fiber_main(boost::context::detail::transfer_t transfer);

  static constexpr std::uint64_t kClosed = 1ULL << 63;

  // ---- Owner only.
  Carrier* switch_out(Carrier* carrier, Context& from);
  [[noreturn]] void end_fiber(Carrier* carrier, Fiber& fiber);
  // After a switch, when nobody is on the stack of the fiber any more that was left: buries one
  // that has ended, sends one that is exiled to the side.
  void settle(Carrier* carrier);
  void be_stolen(Carrier* carrier);
  void bury(Fiber& dead);
  void send_aside(Fiber& fiber);
  void make_ready(Fiber& fiber);
  void push_ready(Fiber& fiber);
  // `from`: the context that is about to be left; its fiber may be the one picked.
  Fiber* pick(Carrier* carrier, const Context& from);
  Fiber* take_ready();
  Fiber* take_seeded(Carrier* carrier);
  void drain_inbox();
  void run_timers();
  void poll(bool wait);
  void stop_sleeping();
  void wake_up();
  void retire(void* watch);
  // The carrier leaves the loop: what it keeps is for all again.
  void give_back(Spares& spares);
  Fiber* take_free(Carrier* here);
  void free_for_all(Fiber* fiber);
  void prepare_stack(Fiber& fiber);
  void pass();
  void set_ready_count(std::uint64_t n) { ready_count_.store(n, std::memory_order_relaxed); }
  void publish_next_timer();

  std::atomic<std::uint64_t> word_{kInRuntime};

  // ---- Owner.
  std::uint64_t epoch_ = 0;
  struct ReadyQueue {
    Fiber* head = nullptr;
    Fiber* tail = nullptr;
  };
  std::array<ReadyQueue, kPriorities> ready_;  // by Priority
  unsigned ready_classes_ = 0;                 // bit p: ready_[p] is not empty
  unsigned contended_picks_ = 0;               // made while more than one class was ready
  int batch_ = 1;  // picks until the clock is looked at, doubled while fibers switch fast
  std::uint64_t pass_tsc_ = 0;
  // What a test has put in the place of chance and of time; else null.
  SeededOrder* const seeded_;
  VirtualClock* const virtual_clock_;
  const FpControl fp_control_;  // what a new fiber starts with: that of the Runtime's maker
  TimerHeap timers_;
  LockWaits lock_waits_;
  std::unique_ptr<epoll_event[]> events_;

  // ---- Written by the owner, read by anyone; relaxed, and only sums mean something.
  // Tasks that have joined the living in a section, less all that have ended: negative when
  // those who ended had joined through living_.
  std::atomic<std::int64_t> counted_here_{0};
  std::atomic<std::uint64_t> spawned_here_{0};

  // ---- Written by the owner, read by the monitor; relaxed: a stale value costs one tick.
  std::atomic<std::uint64_t> ready_count_{0};
  // Picks left before timers and sockets are looked at. The monitor may set it to 0; if the owner's
  // store wins, it tries again at its next tick.
  std::atomic<int> until_pass_{0};
  std::atomic<std::uint64_t> backlog_{
      0};  // fibers that waited through a stall and have not run since
  std::atomic<std::int64_t> next_timer_ns_{INT64_MAX};
  // Written at each pass and, as a slice may be long, at each look of the monitor.
  std::atomic<std::int64_t> about_now_ns_{0};
  std::atomic<Fiber*> running_{nullptr};
  std::atomic<Carrier*> carrier_{nullptr};
  std::atomic<pid_t> carrier_tid_{0};
  std::atomic<Others> found_{Others::kPerhaps};  // release, acquire by the monitor

  // ---- Any thread.
  Inbox<InboxNode> inbox_;
  // The owner is about to wait, or waits, in epoll_wait. Sequentially consistent with inbox_:
  // either the sender sees true and writes the eventfd, or the owner sees the node and does not
  // wait.
  std::atomic<bool> asleep_{false};
  // Tasks that have joined the living from other threads, and kClosed once the loop has ended: then
  // nobody joins any more. With counted_here_ it is the number of the living: the loop ends by the
  // exchange of exactly what counted_here_ makes zero, so whoever joined before keeps it alive.
  std::atomic<std::uint64_t> living_{0};
  std::atomic<std::uint64_t> spawned_elsewhere_{0};  // see meet_spawners()
  // Release by who registers a watch, acquire by who takes events. (The kernel orders the two as well,
  // but neither the language nor ThreadSanitizer knows.)
  std::atomic<std::uint64_t> watches_made_{0};
  unique_fd epoll_;
  unique_fd wake_;
  SpinLock free_guard_;
  Fiber* free_fibers_ = nullptr;  // GUARDED_BY(free_guard_); last in, first out: warm stacks
  std::size_t free_count_ = 0;    // GUARDED_BY(free_guard_)
  std::mutex growth_;             // never in a section
  StackPool stacks_;              // GUARDED_BY(growth_)
  std::deque<Fiber> all_fibers_;  // GUARDED_BY(growth_); a fiber's place in memory never changes
};

}  // namespace saola::runtime::detail
