// Decides when a worker that died may be replaced, and when to give up.
//
// A death is young when the worker had not served yet, or for less than Rule::young. The first
// young deaths are replaced at once; then the pauses double up to kLongestPause. Rule::limit young
// deaths in a row are a loop: a server that never got ready gives up then, one that did goes on
// with its pauses, for it may be a few requests or jobs that end their workers. The row ends when a
// worker that started within it has served for Rule::young, so neither workers from before nor
// deaths that are hours apart keep it going.
#pragma once

#include <optional>

#include <saola/base/time.hpp>

namespace saola::server {

class CrashLoop {
 public:
  struct Rule {
    int limit = 10;  // 0: no number of deaths is a loop
    Duration young = std::chrono::seconds(10);
  };
  static constexpr Duration kFirstPause = std::chrono::milliseconds(100);
  static constexpr Duration kLongestPause = std::chrono::seconds(5);
  static constexpr int kFree = 3;

  // A worker ended uninvited. `served`: for how long; absent: it never did.
  void died(SteadyTime now, std::optional<Duration> served, const Rule& rule);
  // A worker that started at `started` has served for `served` by now.
  void lives(SteadyTime started, Duration served, const Rule& rule);
  // When the next worker may start.
  SteadyTime next_start() const { return next_start_; }
  bool is_loop(const Rule& rule) const { return rule.limit > 0 && deaths_ >= rule.limit; }
  // Whether new workers have to wait.
  bool pauses() const { return deaths_ > kFree; }
  int deaths() const { return deaths_; }
  void reset() { *this = CrashLoop(); }

 private:
  int deaths_ = 0;  // young ones in a row
  SteadyTime first_death_{};
  SteadyTime next_start_{};
};

}  // namespace saola::server
