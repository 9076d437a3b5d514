// Many readers or one writer.
//
//   SharedMutex mutex;
//   Table table;                                                    // guarded by mutex
//   { const std::shared_lock lock(mutex);  return table.find(key); }
//   { const std::unique_lock lock(mutex);  table.insert(row); }
//
// A Mutex is cheaper where sections are short; this pays where readers hold it for long, or suspend
// in it.
#pragma once

#include <atomic>
#include <cstdint>

#include <saola/runtime/park.hpp>

namespace saola::runtime {

// Writers go before readers that come later, so that they are not starved: a reader must not lock
// it again while it holds it, for a writer that waits in between stops both. Writers are FIFO among
// each other. Fits std::shared_lock and std::unique_lock; fibers and threads share it. Not
// recursive. Not ended by cancel. REQUIRES: nobody waits when it is destroyed.
class SharedMutex {
 public:
  // For one writer: nobody else is in. The second form never waits; the third gives up at the
  // deadline with false, and lets readers in whom it kept waiting.
  void lock();  // SUSPENDS
  bool try_lock();
  bool try_lock_until(Deadline deadline);  // SUSPENDS
  void unlock();
  // The same for readers: no writer is in, and none waits.
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
