// Decides when a worker that died may be replaced, and when to give up.
//
// A death is young when the worker had not served yet, or for less than Rule::young. The first
// young deaths are replaced at once; then the pauses double up to kLongestPause. Rule::limit young
// deaths in a row end the server. The row ends when a worker that started within it has served for
// Rule::young, so neither workers from before nor deaths that are hours apart keep it going.
//
// SIGKILL comes from outside: an operator, a test, the kernel out of memory. Of a worker that
// served it makes pauses but does not end the server, which answers between such deaths; of one
// that never came so far it counts like any other death.
#pragma once

#include <optional>

#include <saola/base/time.hpp>

namespace saola::server {

class CrashLoop {
 public:
  struct Rule {
    int limit = 10;  // 0: never give up
    Duration young = std::chrono::seconds(10);
  };
  static constexpr Duration kFirstPause = std::chrono::milliseconds(100);
  static constexpr Duration kLongestPause = std::chrono::seconds(1);
  static constexpr int kFree = 3;

  // A worker ended uninvited. `served`: for how long; absent: it never did.
  void died(SteadyTime now, std::optional<Duration> served, bool by_kill, const Rule& rule);
  // A worker that started at `started` has served for `served` by now.
  void lives(SteadyTime started, Duration served, const Rule& rule);
  // When the next worker may start.
  SteadyTime next_start() const { return next_start_; }
  bool give_up(const Rule& rule) const { return rule.limit > 0 && crashes_ >= rule.limit; }
  int deaths() const { return deaths_; }
  void reset() { *this = CrashLoop(); }

 private:
  int deaths_ = 0;   // young ones in a row
  int crashes_ = 0;  // of those, the ones that count towards the limit
  SteadyTime first_death_{};
  SteadyTime next_start_{};
};

}  // namespace saola::server
