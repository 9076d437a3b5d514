// A mutex that its holder may lock again.
//
//   RecursiveMutex mutex;
//   void Tree::walk(Node& node) {
//     const std::lock_guard lock(mutex);
//     for (Node& child : node.children) walk(child);   // locks it again
//   }
#pragma once

#include <cstdint>

#include <saola/runtime/sync/mutex.hpp>

namespace saola::runtime {

// For code that calls back into itself while it holds the lock; where you can, lock in the outer
// function only, with a Mutex. FIFO between tasks as Mutex; fits std::lock_guard and
// std::unique_lock. The holder is the task, wherever it runs: a child that it spawns is another.
// REQUIRES: not locked when destroyed.
class RecursiveMutex {
 public:
  // SUSPENDS unless the calling task holds it. Not ended by cancel.
  void lock();
  // Never suspends. False when another task holds it.
  bool try_lock();
  // False at the deadline. SUSPENDS. Not ended by cancel.
  bool try_lock_until(Deadline deadline);
  // Frees it when called as often as it was locked. REQUIRES: the caller holds it.
  void unlock();

  // The task that holds it, 0 when free.
  std::uint64_t owner() const { return mutex_.owner(); }

 private:
  bool again();

  Mutex mutex_;
  std::uint64_t depth_ = 0;  // GUARDED_BY(mutex_): lock() calls beyond the first
};

}  // namespace saola::runtime
