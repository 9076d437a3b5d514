// Deletes final jobs when their time has come, and before that what they have left elsewhere.
//
// The order makes a crash harmless: what a job left elsewhere goes first, and the job, which alone
// knows its name, last. Whoever comes next removes what is no longer there, which is no error, and
// deletes the job.
#pragma once

#include <thread>
#include <vector>

#include <saola/jobs/maintainer.hpp>
#include <saola/jobs/store.hpp>

namespace saola::jobs {

// A thread, until it is destroyed. It ends after the step it is in.
class Pruner {
 public:
  // Both must outlive it.
  Pruner(Store& store, const MaintainerOptions& options);

 private:
  void run(const std::stop_token& stop);
  Result<std::size_t> prune(const std::stop_token& stop);
  Result<std::size_t> make_room(const std::vector<Job>& kept);
  Result<bool> left_nothing(const Job& job, const std::stop_token& stop);

  Store& store_;
  const MaintainerOptions& options_;
  // Last, so that it ends before what it uses.
  std::jthread thread_;
};

}  // namespace saola::jobs
