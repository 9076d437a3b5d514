#include "fleet/crash_loop.hpp"

#include <algorithm>

namespace saola::server {

void CrashLoop::died(SteadyTime now, std::optional<Duration> served, const Rule& rule) {
  if (served && *served >= rule.young) return;
  if (deaths_ == 0) first_death_ = now;
  ++deaths_;
  Duration pause{};
  if (pauses()) {
    pause = std::min(kLongestPause, kFirstPause * (1 << std::min(deaths_ - kFree - 1, 10)));
  }
  next_start_ = now + pause;
}

void CrashLoop::lives(SteadyTime started, Duration served, const Rule& rule) {
  if (deaths_ > 0 && started >= first_death_ && served >= rule.young) reset();
}

}  // namespace saola::server
