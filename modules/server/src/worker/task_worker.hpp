#pragma once

#include "worker/worker_process.hpp"

namespace saola::server {

// Runs a task worker to its end; the exit status.
int run_task_worker(const ServerDefinition& definition, WorkerProcess& process);

}  // namespace saola::server
