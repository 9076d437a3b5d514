// Decides when a worker that died may be replaced, and when to give up.
//
// The first deaths are replaced at once. When workers keep dying young, the pauses double up to
// kLongestPause; after kGiveUp young deaths without one worker that lived, the server stops. Being
// killed with SIGKILL comes from outside (an operator, the kernel out of memory): it makes pauses
// but does not stop the server.
#pragma once

#include <saola/base/time.hpp>

namespace saola::server {

class CrashLoop {
 public:
  static constexpr Duration kYoung = std::chrono::seconds(10);
  static constexpr Duration kFirstPause = std::chrono::milliseconds(100);
  static constexpr Duration kLongestPause = std::chrono::seconds(1);
  static constexpr int kFree = 3;
  static constexpr int kGiveUp = 10;

  void died(SteadyTime now, Duration lived, bool by_kill);
  // When the next worker may start.
  SteadyTime next_start() const { return next_start_; }
  bool give_up() const { return crashes_ >= kGiveUp; }
  int deaths() const { return deaths_; }
  void reset() { *this = CrashLoop(); }

 private:
  int deaths_ = 0;   // young ones in a row
  int crashes_ = 0;  // of those, not by SIGKILL
  SteadyTime next_start_{};
};

}  // namespace saola::server
