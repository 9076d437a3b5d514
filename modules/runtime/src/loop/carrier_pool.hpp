// Spare threads, ready to carry the loop when the monitor has stolen it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "loop/loop.hpp"
#include "loop/thread_set.hpp"

namespace saola::runtime::detail {

class CarrierPool {
 public:
  CarrierPool() = default;
  // REQUIRES: the loop has finished.
  ~CarrierPool();

  // Spares that wait in quiet times: hogs come in groups, and a thread is slow to start while they
  // hold the cores.
  static constexpr int kSpares = 4;
  // Sees to it that at least `count` threads wait. False when the system does not give enough for
  // one.
  bool keep_spares(int count);
  // Lets a spare carry `loop`, which the caller has stolen. REQUIRES: keep_spares() returned true
  // since the last hand_over().
  void hand_over(Loop& loop);
  // Lets a spare carry `loop`, which nobody does, and returns when it has finished. REQUIRES: as
  // hand_over().
  void carry_to_end(Loop& loop);
  std::uint64_t threads() const;

 private:
  void serve(ThreadSet::Handle self);
  void offer(Loop& loop);  // REQUIRES: mutex_ held

  mutable std::mutex mutex_;
  // All GUARDED_BY(mutex_).
  std::condition_variable changed_;
  std::condition_variable offer_;  // a loop is offered, or the end
  Loop* offered_ = nullptr;
  int waiting_ = 0;
  ThreadSet threads_;
  bool finished_ = false;
  bool stopping_ = false;
};

}  // namespace saola::runtime::detail
