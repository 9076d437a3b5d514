// A task worker's life: claims jobs, drains, stops.
#pragma once

#include <map>
#include <string>

#include <saola/jobs/job_context.hpp>
#include <saola/jobs/store.hpp>
#include <saola/objects/buckets.hpp>
#include <saola/server/server.hpp>

#include "result_remover.hpp"

namespace saola::service {

// What task workers do with the buckets besides running jobs: removes the objects of pruned ones.
struct Leavings {
  objects::Buckets& buckets;
  const PrunedObjects& counts;
};

// Runs the jobs of `store` that `handlers` know until the context says otherwise: on drain finishes
// what runs, on stop puts it back into the queue. Also keeps the store in order. Ends the process when jobs will not stop, for native code cannot be stopped from
// outside.
Result<void> run_tasks(server::TaskContext& context, jobs::Store& store,
                       std::map<std::string, jobs::Handler> handlers, Leavings leavings);

}  // namespace saola::service
