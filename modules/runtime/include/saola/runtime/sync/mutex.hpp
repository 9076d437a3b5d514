// Mutual exclusion for tasks.
//
//   Mutex mutex;
//   std::map<std::string, int> counts;      // guarded by mutex
//   …
//   const std::lock_guard lock(mutex);
//   ++counts[name];
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include <saola/runtime/park.hpp>

namespace saola::runtime {

// A FIFO mutex that fibers and threads share; fits std::lock_guard and std::unique_lock. Unlike
// std::mutex it may be unlocked on another thread than it was locked on, as a fiber may move
// between threads, and it may be held while the task suspends. unlock() hands it to the longest
// waiter, so that nobody starves. Not recursive.
class Mutex {
 public:
  Mutex() = default;
  // REQUIRES: not locked.
  ~Mutex();
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // SUSPENDS. Not ended by cancel: critical sections are short. REQUIRES: the caller does not hold
  // it.
  void lock();
  // Never suspends. False when somebody holds it, the caller included.
  bool try_lock();
  // False at the deadline. SUSPENDS. Not ended by cancel.
  bool try_lock_until(Deadline deadline);
  // REQUIRES: the caller holds it.
  void unlock();

  // The task that holds it, 0 when free: for reports ("blocked by rescued fiber 7").
  std::uint64_t owner() const { return owner_.load(std::memory_order_relaxed); }

 private:
  void note_owner(detail::TaskState& task);

  // kFree, kLocked, kContended (locked, and perhaps somebody queues). kFree→kLocked acquires,
  // →kFree releases; a lock handed over from unlock() stays locked and is published by the Waiter.
  std::atomic<std::uint32_t> state_{0};
  std::atomic<std::uint64_t> owner_{0};  // information only: relaxed
  SpinLock guard_;
  WaitQueue waiters_{WaitKind::kMutex};  // GUARDED_BY(guard_)
};

}  // namespace saola::runtime
