// The recent stalls of a process, deduplicated.
//
//   StallLog stalls;                                    // must outlive the Runtime
//   Runtime runtime({.stall_sink = &stalls});
//   …
//   for (const StallEntry& entry : stalls.entries())
//     show(fmt::format("{} × {}, {} ms at most", entry.count, entry.latest.subject,
//                      entry.longest / 1ms));
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include <saola/base/guarded.hpp>
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

// A sink that keeps its reports. report() only pushes onto a lock-free list; sorting and merging
// happen in the reader. Thread-safe. While nobody reads it keeps 1024 reports, and only counts what
// comes then.
class StallLog final : public StallSink {
 public:
  // Keeps the `capacity` most recently seen entries. An entry that comes again after it was dropped
  // begins anew; total() counts on.
  explicit StallLog(std::size_t capacity = 64) : capacity_(capacity) {}
  StallLog(const StallLog&) = delete;
  StallLog& operator=(const StallLog&) = delete;
  ~StallLog() override;

  // Any thread, lock-free; takes memory for one report.
  void report(StallReport report) override;

  // Stalls and placements so far, those whose entry has been dropped included. Any thread.
  std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }
  // Most recently seen first. Blocks for other readers only, never a reporter.
  std::vector<StallEntry> entries();

 private:
  struct Node {
    StallReport report;
    Node* next;
  };
  // Takes what has come since the last reader. The caller owns the nodes.
  Node* take_new();
  void merge(StallReport&& report) LOCKED(mutex_);

  const std::size_t capacity_;
  std::atomic<std::uint64_t> total_{0};
  Inbox<Node> inbox_;                       // reports nobody has read yet
  std::atomic<std::size_t> inbox_size_{0};  // may be off by the reports in flight; bounds memory
  NativeMutex mutex_;                       // taken by readers only
  std::deque<StallEntry> entries_ GUARDED_BY(mutex_);  // most recent first
};

}  // namespace saola::observe
