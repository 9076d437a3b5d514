// A flag that tasks can wait for.
#pragma once

#include <atomic>

#include <saola/runtime/park.hpp>

namespace saola::runtime {

namespace detail {
class EventBranch;
}

// Stays set until reset (gevent's and Python's Event). What happened before set() is visible after
// wait().
class Event {
 public:
  Event() : Event(WaitKind::kEvent) {}
  // `kind`: what its waiters are said to wait for.
  explicit Event(WaitKind kind) : waiters_(kind) {}
  void set();
  void reset();
  bool is_set() const { return set_.load(std::memory_order_acquire); }
  // False at the deadline; throws Cancelled. SUSPENDS.
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
  explicit Latch(std::int64_t count);
  void count_down(std::int64_t by = 1);
  bool wait(Deadline deadline = Deadline::never()) { return open_.wait(deadline); }

 private:
  // Decremented with acq_rel, so that the last one sees, and its Event publishes, what all others
  // did.
  std::atomic<std::int64_t> left_;
  Event open_;
};

}  // namespace saola::runtime
