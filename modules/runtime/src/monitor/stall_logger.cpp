#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include <saola/base/log.hpp>
#include <saola/runtime/stall_logger.hpp>

namespace saola::runtime {
namespace {

constexpr std::size_t kMostLogged = 256;
constexpr std::size_t kLoggedFrames = 12;

std::string summary(const observe::StallReport& report) {
  const std::string fiber = report.fiber.empty() ? "(unnamed)" : report.fiber;
  if (report.action == observe::StallAction::kPlaced) {
    return report.phase == observe::StallPhase::kBegan
               ? fmt::format("tasks like {} run on side carriers from now on", fiber)
               : fmt::format("tasks of kind {} run on the loop again", report.spawn_site);
  }
  const auto ms = std::chrono::duration<double, std::milli>(report.duration).count();
  switch (report.phase) {
    case observe::StallPhase::kBegan:
      return fmt::format("fiber {} has held the loop for {:.0f} ms while others waited: {}", fiber,
                         ms, to_string(report.action));
    case observe::StallPhase::kHoldsLock:
      return fmt::format(
          "fiber {}, rescued, holds a lock that {} tasks wait for; {} has waited for {:.0f} ms",
          fiber, report.lock_waiters.tasks, report.lock_waiters.first,
          std::chrono::duration<double, std::milli>(report.lock_waiters.longest).count());
    case observe::StallPhase::kEnded:
      return fmt::format("fiber {} held the loop for {:.0f} ms while others waited: {}", fiber, ms,
                         to_string(report.action));
  }
  std::unreachable();
}

}  // namespace

void StallLogger::report(observe::StallReport report) {
  if (logged_.size() > kMostLogged) logged_.clear();
  Logged& logged = logged_[fmt::format("{} {} {}", report.spawn_site, to_string(report.action),
                                       to_string(report.phase))];
  const SteadyTime now = std::chrono::steady_clock::now();
  if (logged.last != SteadyTime{} && now - logged.last < kLogAgainAfter) {
    ++logged.left_out;
    return;
  }
  logged.last = now;
  std::string stack;
  for (std::size_t i = 0; i < std::min(report.stack.size(), kLoggedFrames); ++i) {
    stack += (i > 0 ? " < " : "") + to_string(report.stack[i]);
  }
  const bool ended = report.phase == observe::StallPhase::kEnded;
  log_warning(summary(report), {{"spawned", report.spawn_site},
                                {"subject", report.subject},
                                {"verdict", to_string(report.verdict)},
                                {"why", report.why},
                                {"advice", ended ? std::string() : report.advice},
                                {"left_out", std::exchange(logged.left_out, 0)},
                                {"stack", stack}});
}

}  // namespace saola::runtime
