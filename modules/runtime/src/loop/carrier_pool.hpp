// The threads that carry the loop or run fibers beside it, and spare ones that wait to do either.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "loop/loop.hpp"
#include "loop/thread_set.hpp"
#include "loop/thread_starter.hpp"

namespace saola::runtime::detail {

// Offering work never waits: it stores the offer, bumps `signal_` and wakes one spare. Only starting
// and ending threads take the mutex, which neither the monitor nor the loop's owner does.
class CarrierPool {
 public:
  // `most`: threads at one time, spares not counted.
  CarrierPool(ThreadStarter& starter, int most) : starter_(starter), most_(most) {}
  // REQUIRES: the loop has finished.
  ~CarrierPool();

  // Spares that wait in quiet times: hogs come in groups, and a thread is slow to start while they
  // hold the cores.
  static constexpr int kSpares = 4;

  // ---- Any thread, the monitor's too; never waits.
  int spares() const { return waiting_.load(std::memory_order_relaxed); }
  // The starter is to bring the number of spares back to kSpares.
  void want_spares() { starter_.ask(); }
  // Lets a spare carry `loop`, which the caller has stolen.
  void hand_over(Loop& loop);
  // Lets a spare run fibers of the side.
  void offer_side();
  // The side's next timer became earlier.
  void timer_changed(std::int64_t due_ns);
  std::uint64_t threads() const { return threads_count_.load(std::memory_order_relaxed); }

  // Starts spares until kSpares wait. False when the system gives no thread and none waits. The
  // starter's thread, and run().
  bool top_up();
  // Lets a spare carry `loop`, which nobody does, and returns when it has finished. The spare that
  // waits for the side's next timer is there already.
  void carry_to_end(Loop& loop);

 private:
  struct Offer {
    Loop* loop = nullptr;  // null: the side
    bool stop = false;
  };
  void serve(ThreadSet::Handle self);
  Offer wait_for_offer();
  bool take(Offer& offer);

  ThreadStarter& starter_;
  const int most_;
  // An offered loop; the side's offers, one for each carrier asked for. Sequentially consistent with
  // signal_: a spare reads signal_, looks at the offers, and sleeps only while signal_ is as read.
  std::atomic<Loop*> offered_{nullptr};
  std::atomic<int> side_offers_{0};
  std::atomic<std::uint32_t> signal_{0};
  // Threads that wait, or are starting. A hint for everybody but the starter.
  std::atomic<int> waiting_{0};
  std::atomic<std::uint64_t> threads_count_{0};
  // One of the waiting watches the side's next timer, and this is when it will look next (ns).
  // Sequentially consistent with Side::next_timer_ns_: either it sees a new timer before it sleeps,
  // or who added the timer sees that it sleeps too long.
  std::atomic<bool> timekeeper_{false};
  std::atomic<std::int64_t> looks_at_ns_{0};
  std::atomic<Side*> side_{nullptr};  // of the loop that was carried first
  std::atomic<std::uint32_t> finished_{0};
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  std::condition_variable gone_;
  ThreadSet threads_;  // GUARDED_BY(mutex_)
};

}  // namespace saola::runtime::detail
