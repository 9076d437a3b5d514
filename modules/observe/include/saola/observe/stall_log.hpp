// The recent stalls of a process, deduplicated.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include <saola/base/inbox.hpp>
#include <saola/base/time.hpp>
#include <saola/observe/stall_report.hpp>

namespace saola::observe {

// Reports with the same stack, fiber name, spawn site and action, as one entry.
struct StallEntry {
  StallReport latest;
  std::uint64_t count = 0;  // stalls, however often each was told
  Duration longest{};
};

// A sink that keeps its reports. report() only pushes onto a lock-free list;
// sorting and merging happen in the reader. Thread-safe.
class StallLog final : public StallSink {
 public:
  // Keeps the `capacity` most recently seen entries.
  explicit StallLog(std::size_t capacity = 64) : capacity_(capacity) {}
  StallLog(const StallLog&) = delete;
  StallLog& operator=(const StallLog&) = delete;
  ~StallLog() override;

  void report(StallReport report) override;

  // Stalls and placements so far, those whose entry has been dropped included.
  std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }
  // Most recently seen first.
  std::vector<StallEntry> entries();

 private:
  struct Node {
    StallReport report;
    Node* next;
  };
  // Takes what has come since the last reader. The caller owns the nodes.
  Node* take_new();
  void merge(StallReport&& report);

  const std::size_t capacity_;
  std::atomic<std::uint64_t> total_{0};
  Inbox<Node> inbox_;                       // reports nobody has read yet
  std::atomic<std::size_t> inbox_size_{0};  // may be off by the reports in flight; bounds memory
  std::mutex mutex_;                        // taken by readers only
  std::deque<StallEntry> entries_;          // GUARDED_BY(mutex_), most recent first
};

}  // namespace saola::observe
