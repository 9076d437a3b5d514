// Restarts on several threads, judged in the order of their numbers, so that the answer does not
// depend on which thread was quick.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <saola/split/search.hpp>

#include "search/effort.hpp"
#include "search/engine.hpp"
#include "search/pace.hpp"

namespace saola::split {

// What one restart found.
struct RestartResult {
  Best best;
  std::uint64_t trials = 0;
  std::uint64_t swaps = 0;
};

class Race {
 public:
  struct Winner {
    std::optional<Best> best;
    std::size_t restart = 0;
    // Counted ones: those before the race was decided.
    std::size_t restarts = 0;
    std::uint64_t trials = 0;
    std::uint64_t swaps = 0;
    std::size_t threads = 1;
    // The best of different ones, the best first; or of each restart, in order.
    std::vector<Best> designs;
    // The caller's poll ended it.
    bool stopped = false;
  };
  // Runs restart `number`, stopping when `pace` says so; `part` is called with the part done.
  using Told = std::function<void(double part)>;
  using Restart = std::function<RestartResult(std::size_t number, Pace& pace, const Told& told)>;
  // Makes what a thread needs to run restarts one after another.
  using MakeRunner = std::function<Restart()>;

  Race(const SearchOptions& options, const Poll& poll) : options_(options), poll_(poll) {}

  // From one thread the restarts run in the caller's.
  Winner run(const MakeRunner& make);

 private:
  void work(const MakeRunner& make, std::size_t worker, const Poll& poll);
  std::optional<std::size_t> take();
  void submit(std::size_t number, RestartResult result, bool whole);
  void judge(std::size_t number, RestartResult result);
  bool decided() const;
  std::uint64_t patience() const { return options_.patience * kUsual; }
  void keep_design(const Best& best);
  // Asks the caller's poll; true when the race is to end.
  bool ask();

  const SearchOptions& options_;
  const Poll& poll_;

  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> improving_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  std::size_t next_ = 0;
  std::size_t judged_ = 0;
  std::uint64_t fruitless_ = 0;  // in eighths of a usual restart
  std::size_t running_ = 0;
  // Ended, and waiting for those with smaller numbers.
  std::map<std::size_t, RestartResult> early_;
  // Cut by the caller.
  std::map<std::size_t, RestartResult> cut_;
  std::vector<double> parts_;  // of each thread's running restart
  Winner winner_;
};

}  // namespace saola::split
