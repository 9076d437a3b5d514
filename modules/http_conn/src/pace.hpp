// How long a client may keep us waiting.
#pragma once

#include <algorithm>
#include <cstdint>

#include <saola/base/time.hpp>

namespace saola::http_conn {

// `duration` after `now`, which saves asking the clock again; a very long one is never.
inline Deadline after(SteadyTime now, Duration duration) {
  constexpr Duration kLong = std::chrono::hours(24 * 365);
  return duration < kLong ? Deadline::at(now + duration) : Deadline::never();
}

// A bucket of time: waiting empties it and bytes fill it. So a client may be silent for a while,
// but not live on single bytes just inside each time-out.
class Pace {
 public:
  // It holds `longest` at most, and at first. `rate`: bytes a second that keep it from emptying; 0:
  // a single byte fills it.
  Pace(Duration longest, std::uint64_t rate) : longest_(longest), rate_(rate), left_(longest) {}

  // The longest wait that is left to the client.
  Duration left() const { return left_; }

  // `bytes` (at least one) came, or went, after a wait.
  void moved(std::uint64_t bytes, Duration waited) {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    // Also keeps the product below within 64 bits.
    if (rate_ == 0 || bytes / rate_ >= kSecond || bytes > UINT64_MAX / kSecond) {
      left_ = longest_;
      return;
    }
    const Duration earned(
        static_cast<std::int64_t>(std::min<std::uint64_t>(bytes * kSecond / rate_, INT64_MAX / 2)));
    left_ = std::max(left_ - waited, Duration::zero());
    left_ = earned >= longest_ - left_ ? longest_ : left_ + earned;
  }

 private:
  const Duration longest_;
  const std::uint64_t rate_;
  Duration left_;
};

}  // namespace saola::http_conn
