// Runs jobs on the calling thread, one after the other: a task worker for tests.
#pragma once

#include <map>
#include <string>

#include <saola/jobs/job_context.hpp>
#include <saola/jobs/store.hpp>

namespace saola::service {

// Claims and runs every available job of the handlers' kinds until there is none; how many attempts
// that were. Writes to the store as jobs::TaskWorker does, in place.
int run_available_jobs(jobs::Store& store, const std::map<std::string, jobs::Handler>& handlers);

}  // namespace saola::service
