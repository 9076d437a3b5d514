// Spare threads, ready to carry the loop when the monitor has stolen it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "loop.hpp"
#include "thread_set.hpp"

namespace saola::runtime::detail {

class CarrierPool {
 public:
  CarrierPool() = default;
  // REQUIRES: the loop has finished.
  ~CarrierPool();

  // One thread is kept waiting, so that a rescue does not begin with starting one. False when the
  // system gives no thread.
  bool keep_spare();
  // Lets a spare carry `loop`, which the caller has stolen. REQUIRES: keep_spare() returned true
  // since the last hand_over().
  void hand_over(Loop& loop);
  // The first carrier's thread, its own fiber rescued and gone home, waits here until the loop has
  // finished.
  void wait_finished();
  // Before a new run().
  void reset();
  std::uint64_t threads() const;

 private:
  void serve(ThreadSet::Handle self);

  mutable std::mutex mutex_;
  // All GUARDED_BY(mutex_).
  std::condition_variable changed_;
  Loop* offered_ = nullptr;
  int waiting_ = 0;
  ThreadSet threads_;
  bool finished_ = false;
  bool stopping_ = false;
};

}  // namespace saola::runtime::detail
