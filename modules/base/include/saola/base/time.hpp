// Clocks and deadlines. Code that measures or stamps takes a Clock&, so that tests can move time.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace saola {

using Duration = std::chrono::nanoseconds;
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using SystemTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// A source of time. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime steady_now() const = 0;
  virtual SystemTime system_now() const = 0;
};

// CLOCK_MONOTONIC and CLOCK_REALTIME.
const Clock& real_clock();

// The present on the clock that Deadlines are of: CLOCK_MONOTONIC, or the virtual time of a test
// (saola/testing/virtual_time.hpp), which real_clock() does not follow.
SteadyTime steady_now();

// When to give up. Every call that can block takes one.
class Deadline {
 public:
  // Never passes.
  static constexpr Deadline never() { return Deadline(SteadyTime::max()); }
  static constexpr Deadline at(SteadyTime time) { return Deadline(time); }
  // `duration` from now; a very long one is never().
  static Deadline after(Duration duration);

  SteadyTime time() const { return time_; }
  bool is_never() const { return time_ == SteadyTime::max(); }
  bool passed() const { return !is_never() && steady_now() >= time_; }
  // Zero when passed; Duration::max() for never().
  Duration remaining() const;

  friend Deadline min(Deadline a, Deadline b) { return a.time_ <= b.time_ ? a : b; }

 private:
  constexpr explicit Deadline(SteadyTime time) : time_(time) {}
  SteadyTime time_;
};

// "2026-11-23T01:02:03.456Z": RFC 3339 in UTC with milliseconds.
std::string format_rfc3339(SystemTime time);

}  // namespace saola
