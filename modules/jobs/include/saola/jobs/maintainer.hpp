// The upkeep of a store: promotes jobs whose time has come, rescues those of workers that died,
// hung or lost the store, deletes old ones. Those of a process of this machine that is no more are
// free at the next look, whoever looks: the arbiter starts a dead worker's successor at once, and its
// first look is what usually finds them. Every task worker runs one; they do not get in each
// other's way.
//
//   Maintainer upkeep(*store, {.retention = {.completed = std::chrono::days(1)}});
//   …                                       // works until it is destroyed
//
// Takes a lease away only after having watched it for its whole length by its own steady clock
// without seeing it renewed, while its own looks and test writes went through: after a pause of the
// machine or a failure of the store it begins to watch anew (docs/state_machine.md, Leases).
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <saola/base/time.hpp>
#include <saola/jobs/store.hpp>

namespace saola::jobs {

// How often to look, and what to do about what is found.
struct MaintainerOptions {
  // Between two looks for due jobs and leases that nobody renews, varied by a quarter either way so
  // that workers do not march in step. Looks ten times as far apart count as a pause.
  Micros every = std::chrono::milliseconds(500);
  // Between two looks for jobs to delete.
  Micros prune_every = std::chrono::minutes(1);
  // Which final jobs are deleted.
  Retention retention;
  // Removes what a completed job has left elsewhere, before it is deleted; gets it complete. After
  // an error, which is the callee's to log, the job is kept and tried again the next time; only when
  // the store needs its room is it deleted all the same. May take long, as it holds up no rescue,
  // but ends soon after a stop is requested. Called by one thread; a job may come twice, as another
  // worker looks after the same store. Empty: nothing is left elsewhere.
  std::function<Result<void>(const Job&, const std::stop_token&)> remove_leavings;
  // Whether the owner of a lease is known to live and to be about to renew it: then the lease is
  // left to it. Asked at every look through the second half of a lease that nobody renewed; by one
  // thread. Empty: looks at the process that the owner names (OwnerBeats).
  std::function<bool(const std::string& owner)> owner_lives;
  // Called with the number of jobs that were taken from their owners, when there are any.
  std::function<void(std::size_t)> on_rescue = [](std::size_t) {};
};

// Two threads that look after one store, one of them only for what is to be deleted. A failure of
// the store is logged once, and the work tried again at the next look.
class Maintainer {
 public:
  // `store` must outlive it. Starts the threads.
  explicit Maintainer(Store& store, MaintainerOptions options = {});
  // Ends the threads, after the step they are in: at most some seconds when the store is slow.
  ~Maintainer();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace saola::jobs
