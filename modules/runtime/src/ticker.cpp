#include <algorithm>

#include <saola/base/check.hpp>
#include <saola/runtime/task.hpp>
#include <saola/runtime/ticker.hpp>

namespace saola::runtime {

Ticker::Ticker(Duration period, MissedTicks missed)
    : period_(period), missed_(missed), due_(Deadline::after(period).time()) {
  SAOLA_CHECK(period > Duration::zero(), "a Ticker's period is longer than nothing");
}

std::uint64_t Ticker::wait() {
  const Deadline due = Deadline::at(due_);
  if (due.passed()) {
    this_task::check_cancelled();
  } else {
    this_task::sleep_until(due);
  }
  const Duration late = std::max(steady_now() - due_, Duration::zero());
  const auto skipped = missed_ == MissedTicks::kBurst ? 0 : late / period_;
  due_ += missed_ == MissedTicks::kDelay && skipped > 0 ? late + period_ : (skipped + 1) * period_;
  return static_cast<std::uint64_t>(skipped);
}

}  // namespace saola::runtime
