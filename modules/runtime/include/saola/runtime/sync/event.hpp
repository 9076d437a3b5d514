// A flag that tasks can wait for, and a counter that becomes one.
//
//   Event ready;
//   spawn([&] { load();  ready.set(); }).detach();
//   if (!ready.wait(Deadline::after(5s))) return busy();
//
//   Latch all(workers.size());
//   for (Worker& w : workers) spawn([&] { w.warm_up();  all.count_down(); }).detach();
//   all.wait();
//
// In a select() on_set() waits for an Event.
#pragma once

#include <atomic>

#include <saola/runtime/park.hpp>

namespace saola::runtime {

namespace detail {
class EventBranch;
}

// Stays set until reset (gevent's and Python's Event). What happened before set() is visible after
// wait(). Any fiber, any thread; setting never suspends. It may be destroyed as soon as every
// wait() for it has returned.
class Event {
 public:
  Event() : Event(WaitKind::kEvent) {}
  // `kind`: what its waiters are said to wait for.
  explicit Event(WaitKind kind) : waiters_(kind) {}

  // Wakes all who wait, and lets pass all who come. Idempotent.
  void set();
  // Those who come wait again. A waiter whom set() woke passes also when it is reset before it
  // runs.
  void reset();
  bool is_set() const { return set_.load(std::memory_order_acquire); }
  // Until it is set. False at the deadline; throws Cancelled. At once, whatever the deadline, when
  // it is set. SUSPENDS.
  bool wait(Deadline deadline = Deadline::never());
  // As wait(), but returns kCancelled instead of throwing.
  Wake wait_result(Deadline deadline, Cancellable cancellable = Cancellable::kYes);

 private:
  friend class detail::EventBranch;
  // Written under guard_; set()'s release pairs with the acquire of is_set().
  std::atomic<bool> set_{false};
  SpinLock guard_;
  WaitQueue waiters_;  // GUARDED_BY(guard_)
};

// Opens when count_down() has been called `count` times, and stays open.
class Latch {
 public:
  // REQUIRES: count ≥ 0; open from the start when it is 0.
  explicit Latch(std::int64_t count);
  // REQUIRES: not below zero. Never suspends; any thread.
  void count_down(std::int64_t by = 1);
  // As Event::wait(): until it is open. What happened before each count_down() is visible then.
  bool wait(Deadline deadline = Deadline::never()) { return open_.wait(deadline); }

 private:
  // Decremented with acq_rel, so that the last one sees, and its Event publishes, what all others
  // did.
  std::atomic<std::int64_t> left_;
  Event open_;
};

}  // namespace saola::runtime
