// The upkeep of a store: promotes jobs whose time has come, rescues those of dead workers, deletes
// old ones. Every task worker runs one; they do not get in each other's way.
#pragma once

#include <memory>

#include <saola/base/time.hpp>
#include <saola/jobs/store.hpp>

namespace saola::jobs {

struct MaintainerOptions {
  // Between two looks for due jobs and expired leases, varied by a quarter either way so that
  // workers do not march in step.
  Micros every = std::chrono::milliseconds(500);
  // Between two looks for jobs to delete.
  Micros prune_every = std::chrono::minutes(1);
  Retention retention;
};

class Maintainer {
 public:
  // `store` must outlive it. Starts a thread.
  explicit Maintainer(Store& store, MaintainerOptions options = {});
  // Ends the thread, after the round it is in.
  ~Maintainer();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace saola::jobs
