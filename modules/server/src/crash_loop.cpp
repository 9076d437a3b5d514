#include "crash_loop.hpp"

#include <algorithm>

namespace saola::server {

void CrashLoop::died(SteadyTime now, Duration lived, bool by_kill) {
  if (lived >= kYoung) reset();
  ++deaths_;
  if (!by_kill) ++crashes_;
  Duration pause{};
  if (deaths_ > kFree) {
    pause = std::min(kLongestPause, kFirstPause * (1 << std::min(deaths_ - kFree - 1, 10)));
  }
  next_start_ = now + pause;
}

}  // namespace saola::server
