// What is known about one stall: a fiber that held its loop while others waited.
//
//   struct Printer final : StallSink {
//     void report(StallReport report) override {
//       queue.post(std::move(report));           // never print here: see StallSink
//     }
//   };
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/time.hpp>

namespace saola::observe {

// What the fiber did while it held the loop.
enum class StallVerdict {
  kCpu,      // it computed
  kBlocked,  // it slept in a system call or on a native lock
};
// What was done about it.
enum class StallAction {
  kRescued,   // the loop moved to a spare thread
  kReported,  // policy report, or no spare thread was left: only told
  kIgnored,   // policy ignore: only counted
  kAborted,   // policy abort: the worker was given up
  kPlaced,    // its kind runs on side carriers from now on (kBegan), on the loop again (kEnded)
};
// When a report is made; see StallReport.
enum class StallPhase {
  kBegan,      // it was seen
  kHoldsLock,  // others wait for a lock that the rescued fiber holds; told once
  kEnded,      // it is over
};
// "cpu", "rescued", "began", …: the spelling of logs and --json output.
std::string_view to_string(StallVerdict verdict);
std::string_view to_string(StallAction action);
std::string_view to_string(StallPhase phase);

// One call on a stack: an address, and its names where they are known.
struct StackFrame {
  std::uintptr_t address = 0;
  std::string symbol;  // demangled; empty when unknown
  std::string file;    // empty when unknown
  int line = 0;        // 0 when unknown
};
// "symbol at file:line", or the address when nothing is known.
std::string to_string(const StackFrame& frame);

// Tasks that wait for a lock of the runtime which the rescued fiber holds: rescue does not help
// them, for the lock comes free only when the fiber lets go.
struct LockWaiters {
  std::uint64_t tasks = 0;
  Duration longest{};  // how long the first of them has waited
  std::string first;   // the request or job that one works for, or its name
};

// What is said about one stall. It is reported when it is seen, perhaps once in between, and when
// it is over; the reports of one stall have the same fiber, spawn site and start. kPlaced is no
// stall: kBegan says that a kind of task was exiled to side carriers, kEnded that it was pardoned.
// docs/stalls.md explains every member.
//
//   kBegan      fiber "request" held the loop for 12 ms: rescued     duration so far
//   kHoldsLock  3 tasks wait for its lock                            once, if at all
//   kEnded      it held it for 480 ms                                duration in all
struct StallReport {
  StallPhase phase = StallPhase::kBegan;
  SystemTime started{};
  std::string fiber;       // its name
  std::string spawn_site;  // "file.cpp:123", or what the task kind or route is called
  std::string subject;     // request or job it worked for, e.g. "GET /ping" or "job 01J…"; or empty
  Duration duration{};     // how long it held the loop; so far, unless kEnded
  std::vector<StackFrame> stack;  // innermost first
  StallVerdict verdict = StallVerdict::kCpu;
  StallAction action = StallAction::kReported;
  std::string why;     // for kReported and kPlaced: why nothing else was done
  std::string advice;  // what the application's author can do
  // kHoldsLock: now. kEnded: when they were most, as seen every 50 ms.
  LockWaiters lock_waiters;
};

// Whether it is the first report of its stall, or of an exile: count those.
inline bool begins(const StallReport& report) {
  return report.phase == StallPhase::kBegan;
}

// Receives reports. Called by a thread of the monitor, one report at a time. An implementation must
// not wait for a fiber: no lock that a fiber may hold, no I/O that can block.
class StallSink {
 public:
  virtual ~StallSink() = default;
  // `report` is the sink's to keep.
  virtual void report(StallReport report) = 0;
};

}  // namespace saola::observe
