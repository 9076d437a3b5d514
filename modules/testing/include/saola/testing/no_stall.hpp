// For tests: does this code ever hold the event loop for too long?
//
//   TEST(Report, LeavesTheLoopToOthers) {
//     testing::assert_no_stall(50ms, [] { build_report(sample()); });
//   }
//
// In a service the monitor speaks only when somebody waits, so a handler that computes for a second is
// found the day two requests come at once. Here somebody always waits.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <saola/base/time.hpp>
#include <saola/observe/stall_report.hpp>

namespace saola::testing {

// Thrown by assert_no_stall(): what() names the first fiber that held the loop, for how long, why, and
// its stack (which a thread that gets no CPU at all cannot give).
class Stalled : public std::runtime_error {
 public:
  explicit Stalled(std::vector<observe::StallReport> reports);
  // All of them, each as it was when it was over.
  const std::vector<observe::StallReport>& reports() const { return reports_; }

 private:
  std::vector<observe::StallReport> reports_;
};

// Runs `body` as the main fiber of a Runtime of its own, beside a fiber that always has something to
// do, and returns when every fiber that it spawned has ended. Throws what `body` throws; otherwise
// Stalled when a fiber held the loop for longer than `threshold`, computing or blocked in the kernel.
// Nothing is rescued, so the code runs as in a plain cooperative runtime. Time is real: a threshold
// near that of a busy machine's scheduler (10 ms) makes a test that fails now and then; 50 ms does
// not. REQUIRES: not called from a fiber; threshold of 1 ms or more.
void assert_no_stall(Duration threshold, std::move_only_function<void()> body);

}  // namespace saola::testing
