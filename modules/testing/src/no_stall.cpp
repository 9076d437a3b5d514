#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>

#include <fmt/core.h>

#include <saola/base/check.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/testing/no_stall.hpp>

namespace saola::testing {
namespace {

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::string describe(const std::vector<observe::StallReport>& reports) {
  const observe::StallReport& first = reports.front();
  std::string text = fmt::format(
      "fiber {} ({}) held the event loop for {:.0f} ms, {}",
      first.fiber.empty() ? "(unnamed)" : first.fiber, first.spawn_site,
      milliseconds(first.duration),
      first.verdict == observe::StallVerdict::kCpu ? "computing" : "blocked in the kernel");
  for (const observe::StackFrame& frame : first.stack) text += "\n  " + to_string(frame);
  if (reports.size() > 1) text += fmt::format("\nand {} more times", reports.size() - 1);
  return text;
}

// Keeps the reports of stalls that are over: only then is their length known.
class Kept final : public observe::StallSink {
 public:
  void report(observe::StallReport report) override {
    const std::lock_guard lock(mutex_);
    if (report.phase == observe::StallPhase::kEnded) reports_.push_back(std::move(report));
  }
  std::vector<observe::StallReport> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(reports_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<observe::StallReport> reports_;  // GUARDED_BY(mutex_)
};

}  // namespace

Stalled::Stalled(std::vector<observe::StallReport> reports)
    : std::runtime_error(describe(reports)), reports_(std::move(reports)) {}

void assert_no_stall(Duration threshold, std::move_only_function<void()> body) {
  SAOLA_CHECK(threshold >= std::chrono::milliseconds(1), "a stall lasts 1 ms or more");
  Kept kept;
  {
    runtime::Runtime runtime({.on_stall = runtime::StallPolicy::kReport,
                              .stall_threshold = threshold,
                              .learn_placement = false,
                              .stall_sink = &kept});
    const Duration pause = threshold / 4;
    runtime.run([&] {
      // Whom the others keep waiting: its timer is due again and again.
      runtime::Task witness = runtime::spawn(
          [pause] {
            for (;;) runtime::this_task::sleep_for(pause);
          },
          {.name = "witness", .placement = runtime::Placement::kFiber});
      runtime::this_task::yield();
      runtime::Task first = runtime::spawn(std::move(body), {.name = "body"});
      first.join();
      // What `body` has left behind is judged too: this fiber and the witness remain.
      while (runtime.stats().fibers > 2) runtime::this_task::sleep_for(pause);
    });
  }
  if (auto reports = kept.take(); !reports.empty()) throw Stalled(std::move(reports));
}

}  // namespace saola::testing
