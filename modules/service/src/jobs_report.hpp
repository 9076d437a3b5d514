// What `saola ctl show jobs` shows.
#pragma once

#include <string>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/jobs/store.hpp>

namespace saola::service {

// {"counts": {STATE: number, …}, "running": [{"id", "kind", "attempt", "age_seconds", "progress",
// "message", "worker"}, …]}, the newest first and at most 1000. `worker` is "task 1 pid 4711" of a
// process of this machine, "HOST pid 4711" of others. Errors as Store's calls.
Result<std::string> jobs_report(jobs::Store& store, const Clock& clock, Deadline deadline);

}  // namespace saola::service
