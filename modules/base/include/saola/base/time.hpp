// Clocks and deadlines.
//
//   Result<Reply> ask(Peer& peer, Deadline deadline) {       // one point in time for all steps
//     if (auto sent = peer.send(question, deadline); !sent) return fail(sent);
//     return peer.receive(min(deadline, Deadline::after(2s)));
//   }
//   ask(peer, Deadline::after(10s));
//
// A Deadline is passed on as it is, so that the steps of a call share one limit instead of each
// beginning its own. Code that measures or stamps takes a Clock&, so that tests can move time.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace saola {

// All three count nanoseconds in 64 bits: 292 years either way. SteadyTime measures and never goes
// back; SystemTime is UTC by the wall clock, which an operator may set.
using Duration = std::chrono::nanoseconds;
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using SystemTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// A source of time. Thread-safe. Tests implement it to set both clocks by hand:
//
//   struct TestClock final : Clock {
//     SteadyTime steady_now() const override { return SteadyTime(now); }
//     SystemTime system_now() const override { return SystemTime(now); }
//     Duration now = std::chrono::hours(1);
//   };
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime steady_now() const = 0;
  virtual SystemTime system_now() const = 0;
};

// CLOCK_MONOTONIC and CLOCK_REALTIME. Lives until the end of the process.
const Clock& real_clock();

// The present on the clock that Deadlines are of: CLOCK_MONOTONIC, or the virtual time of a test
// (saola/testing/virtual_time.hpp), which real_clock() does not follow.
SteadyTime steady_now();

// When to give up: a point on the steady clock. Every call that can block takes one. A small value;
// copy it.
class Deadline {
 public:
  // Never passes.
  static constexpr Deadline never() { return Deadline(SteadyTime::max()); }
  // Passes at `time`; at({}) has passed already, so that a call with it only looks and does not
  // wait.
  static constexpr Deadline at(SteadyTime time) { return Deadline(time); }
  // `duration` from now; zero or less has passed already, a duration too long to add is never().
  static Deadline after(Duration duration);

  SteadyTime time() const { return time_; }
  bool is_never() const { return time_ == SteadyTime::max(); }
  // At or after time(). Reads the clock.
  bool passed() const { return !is_never() && steady_now() >= time_; }
  // From now until time(): zero when passed, Duration::max() for never().
  Duration remaining() const;

  // The earlier of the two.
  friend Deadline min(Deadline a, Deadline b) { return a.time_ <= b.time_ ? a : b; }

 private:
  constexpr explicit Deadline(SteadyTime time) : time_(time) {}
  SteadyTime time_;
};

// "2026-11-23T01:02:03.456Z": RFC 3339 in UTC with milliseconds, rounded down. Not for years before
// 0 or after 9999.
std::string format_rfc3339(SystemTime time);

}  // namespace saola
