// Many readers or one writer.
#pragma once

#include <atomic>
#include <cstdint>

#include <saola/runtime/park.hpp>

namespace saola::runtime {

// Writers go before readers that come later, so that they are not starved. Fits std::shared_lock
// and std::unique_lock. Not ended by cancel.
class SharedMutex {
 public:
  void lock();  // SUSPENDS
  bool try_lock();
  bool try_lock_until(Deadline deadline);  // SUSPENDS
  void unlock();
  void lock_shared();  // SUSPENDS
  bool try_lock_shared();
  bool try_lock_shared_until(Deadline deadline);  // SUSPENDS
  void unlock_shared();

 private:
  void wake();
  void note_writer();

  std::atomic<std::uint64_t> writer_{0};  // the task that writes; information only: relaxed
  SpinLock guard_;
  // All GUARDED_BY(guard_).
  std::int64_t readers_ = 0;  // -1: one writer
  WaitQueue writer_queue_{WaitKind::kSharedMutex};
  WaitQueue reader_queue_{WaitKind::kSharedMutex};
};

}  // namespace saola::runtime
