// What is known about one stall: a fiber that held its loop while others waited.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/time.hpp>

namespace saola::observe {

enum class StallVerdict {
  kCpu,      // it computed
  kBlocked,  // it slept in a system call or on a native lock
};
enum class StallAction {
  kRescued,   // the loop moved to a spare thread
  kReported,  // policy report, or no spare thread was left: only told
  kIgnored,   // policy ignore: only counted
  kAborted,   // policy abort: the worker was given up
  kPlaced,    // started on a native thread, because this spawn site had hogged before
};
std::string_view to_string(StallVerdict verdict);
std::string_view to_string(StallAction action);

struct StackFrame {
  std::uintptr_t address = 0;
  std::string symbol;  // demangled; empty when unknown
  std::string file;    // empty when unknown
  int line = 0;        // 0 when unknown
};
// "symbol at file:line", or the address when nothing is known.
std::string to_string(const StackFrame& frame);

struct StallReport {
  SystemTime started{};
  std::string fiber;       // its name
  std::string spawn_site;  // "file.cpp:123", or what the task kind or route is called
  std::string subject;     // request or job it worked for, e.g. "GET /ping" or "job 01J…"; or empty
  Duration duration{};     // how long it held the loop; so far, unless `ended`
  bool ended = false;
  std::vector<StackFrame> stack;  // innermost first
  StallVerdict verdict = StallVerdict::kCpu;
  StallAction action = StallAction::kReported;
  std::string why;     // for kReported and kPlaced: why nothing else was done
  std::string advice;  // what the application's author can do
};

// Receives reports. Called by the monitor's thread, one report at a time.
// An implementation must not wait for a fiber: no lock that a fiber may hold, no I/O that can
// block.
class StallSink {
 public:
  virtual ~StallSink() = default;
  virtual void report(StallReport report) = 0;
};

// Reports with the same stack, fiber name, spawn site and action, as one entry.
struct StallEntry {
  StallReport latest;
  std::uint64_t count = 0;
  Duration longest{};
};

// The recent stalls of a process, deduplicated. report() only pushes onto a lock-free list;
// sorting and merging happen in the reader. Thread-safe.
class StallLog final : public StallSink {
 public:
  // Keeps the `capacity` most recently seen entries.
  explicit StallLog(std::size_t capacity = 64) : capacity_(capacity) {}
  StallLog(const StallLog&) = delete;
  StallLog& operator=(const StallLog&) = delete;
  ~StallLog() override;

  void report(StallReport report) override;

  // Reports received so far, those whose entry has been dropped included.
  std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }
  // Most recently seen first.
  std::vector<StallEntry> entries();

 private:
  struct Node {
    StallReport report;
    Node* next;
  };
  Node* take_inbox();
  void merge(StallReport&& report);

  const std::size_t capacity_;
  std::atomic<std::uint64_t> total_{0};
  // Reports nobody has read yet, newest first. Push releases the node, take_inbox() acquires it.
  std::atomic<Node*> inbox_{nullptr};
  std::atomic<std::size_t> inbox_size_{0};  // may be off by the reports in flight; bounds memory
  std::mutex mutex_;                        // taken by readers only
  std::deque<StallEntry> entries_;          // GUARDED_BY(mutex_), most recent first
};

}  // namespace saola::observe
