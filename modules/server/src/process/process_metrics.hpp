// What the kernel knows of the server's processes, as series of /metrics.
#pragma once

#include <sys/types.h>

#include <string>

#include "process/shared_state.hpp"

namespace saola::server {

// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
// process_threads, process_start_time_seconds, process_open_fds and process_max_fds in Prometheus'
// text format: the names that every client library has, one series a process, told apart by the
// label `worker` ("arbiter", "web 1", …). What may not be read (another user's descriptors) is left
// out. Blocking: reads /proc, about 50 µs a process.
std::string process_metrics(const SharedState& state, pid_t arbiter);

}  // namespace saola::server
