// VirtualClock: what saola::testing::VirtualTime stands on. steady_now() stands still while one
// lives; when everything that it counts is at rest, it moves to the next deadline at once.
//
// States of what is counted (`busy_` is the number of the busy ones):
//
//            begin(), or woken: under mutex_
//     at rest ──────────────────────────────► busy
//        ▲                                      │
//        └──────────────────────────────────────┘
//          sleep(), Wait, end(): then look()
//
//   a loop      busy unless it waits in the kernel for its descriptors (its inbox wakes it by one)
//   a side      once for each of its carriers that is at work or called
//   a thread    one that counts (see Hold), unless it is in a Waiter's park()
//   a pool      once for each piece of work that a thread has, or is about to take
//
// Invariant: what is at rest but on its way to be busy (woken, not yet running) can be seen: a loop
// by its inbox or its readable epoll, a thread by its Waiter's state or its descriptors, both by a
// deadline that has come. It becomes busy under mutex_, so look(), which holds it and has seen
// busy_ == 0, finds either none such, and may move the clock, or one, which will come to rest later
// and look again. Nothing that waits on this clock is missed by a move.
#pragma once

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include <saola/base/time.hpp>

namespace saola::runtime {
class Waiter;
}

namespace saola::runtime::detail {

class Loop;
struct BlockingTask;

class VirtualClock {
 public:
  // The calling thread counts. REQUIRES: not a fiber; no other VirtualClock, no Runtime.
  VirtualClock();
  // REQUIRES: the thread that made it; nothing else counts any more.
  ~VirtualClock();
  VirtualClock(const VirtualClock&) = delete;
  VirtualClock& operator=(const VirtualClock&) = delete;

  // The one of the process, or null.
  static VirtualClock* current() { return current_.load(std::memory_order_acquire); }

  // How far it has moved.
  Duration elapsed() const;
  // `stuck`, if not null, is called when everything is at rest and no deadline is left: with the
  // clock's lock held, by whoever came to rest last.
  void when_stuck(void (*stuck)());

  void begin() { busy_.fetch_add(1); }
  void end() {
    if (busy_.fetch_sub(1) == 1) look();
  }

  // Counts as one that is busy while it lives. Empty without a clock.
  class Hold {
   public:
    Hold() = default;
    explicit Hold(VirtualClock* clock) : clock_(clock) {
      if (clock_ != nullptr) clock_->begin();
    }
    Hold(Hold&& other) noexcept : clock_(std::exchange(other.clock_, nullptr)) {}
    Hold& operator=(Hold&& other) noexcept {
      if (this != &other) {
        release();
        clock_ = std::exchange(other.clock_, nullptr);
      }
      return *this;
    }
    ~Hold() { release(); }
    void release() {
      if (VirtualClock* clock = std::exchange(clock_, nullptr)) clock->end();
    }
    explicit operator bool() const { return clock_ != nullptr; }

   private:
    VirtualClock* clock_ = nullptr;
  };
  // The calling thread has a Hold: its waits are rests. Or it has none any more.
  static void count_this_thread(bool counts);

  // The loop has a carrier while one lives, and the calling thread waits for its end.
  class Carrying {
   public:
    Carrying(VirtualClock* clock, Loop& loop);
    ~Carrying();
    Carrying(const Carrying&) = delete;
    Carrying& operator=(const Carrying&) = delete;

   private:
    VirtualClock* const clock_;
    Loop& loop_;
  };
  // The loop has nothing to do: returns when its epoll is readable. The loop's owner; its timers
  // are all in the future, and it has said that it sleeps.
  void sleep(const Loop& loop);

  // A wait of the calling thread: the clock ends it, kTimedOut, at the deadline. `descriptors` are
  // those that end it too, by themselves.
  class Wait {
   public:
    Wait(VirtualClock& clock, BlockingTask& task, Waiter& waiter, Deadline deadline,
         std::vector<pollfd> descriptors = {});
    ~Wait();
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

   private:
    friend class VirtualClock;
    bool at_rest();

    VirtualClock& clock_;
    BlockingTask& task_;
    Waiter& waiter_;
    const Deadline deadline_;
    std::vector<pollfd> descriptors_;  // GUARDED_BY(clock_.mutex_)
  };

 private:
  // Moves the clock, if everything is at rest.
  void look();

  static std::atomic<VirtualClock*> current_;

  const SteadyTime start_;
  // Sequentially consistent: who lowers it to 0 looks.
  std::atomic<std::int64_t> busy_{0};

  std::mutex mutex_;
  std::vector<Loop*> loops_;   // GUARDED_BY(mutex_)
  std::vector<Wait*> waits_;   // GUARDED_BY(mutex_)
  void (*stuck_)() = nullptr;  // GUARDED_BY(mutex_)
};

}  // namespace saola::runtime::detail
