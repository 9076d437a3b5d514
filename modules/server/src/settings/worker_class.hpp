// How a web worker runs its requests.
#pragma once

#include <string_view>

#include <saola/base/error.hpp>

namespace saola::server {

enum class WorkerClass { kGreen, kThreads, kSync };
std::string_view to_string(WorkerClass worker_class);

// green, threads, sync and Gunicorn's gevent, eventlet and gthread.
Result<WorkerClass> parse_worker_class(std::string_view text);

}  // namespace saola::server
