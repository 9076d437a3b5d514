#include "stall_relay.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>

#include <saola/base/log.hpp>

namespace saola::server {
namespace {

constexpr std::size_t kMostLogged = 256;
constexpr std::size_t kLoggedFrames = 12;

}  // namespace

void StallRelay::report(observe::StallReport report) {
  if (begins(report)) {
    process_.facts()
        .metrics.counter(process_.metrics().stalls[static_cast<std::size_t>(report.action)])
        .add();
  }
  log_it(report);
  process_.stall(report);
  stalls_.report(std::move(report));
}

void StallRelay::log_it(const observe::StallReport& report) {
  if (logged_.size() > kMostLogged) logged_.clear();
  Logged& logged =
      logged_[fmt::format("{} {} {}", report.spawn_site, to_string(report.action), report.ended)];
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
  const auto ms = std::chrono::duration<double, std::milli>(report.duration).count();
  const std::string what =
      report.action == observe::StallAction::kPlaced
          ? fmt::format("task {} starts on a native thread", report.fiber)
          : fmt::format("fiber {} {} the loop for {:.0f} ms while others waited: {}", report.fiber,
                        report.ended ? "held" : "has held", ms, to_string(report.action));
  log_warning(what, {{"spawned", report.spawn_site},
                     {"subject", report.subject},
                     {"verdict", to_string(report.verdict)},
                     {"why", report.why},
                     {"advice", report.ended ? std::string() : report.advice},
                     {"left_out", std::exchange(logged.left_out, 0)},
                     {"stack", stack}});
}

}  // namespace saola::server
