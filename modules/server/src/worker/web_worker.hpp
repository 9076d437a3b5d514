#pragma once

#include "worker/worker_process.hpp"

namespace saola::server {

// Runs a web worker to its end; the exit status.
int run_web_worker(const ServerDefinition& definition, WorkerProcess& process);

// Answers /healthz, /readyz and /metrics on the management bind until the end.
int run_management(const ServerDefinition& definition, WorkerProcess& process);

}  // namespace saola::server
