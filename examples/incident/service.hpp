// The service that froze: one route submits a task that computes to a pool of five workers and
// answers at once.
#pragma once

#include <saola/server/server.hpp>

namespace incident {

// POST /split   submits a task, 202 {"task": number}
// GET /ping     {"worker": process id, "submitted": tasks, "done": tasks}
// GET /timeline {"tasks": [{task, thread, from, to}], "pings": [[thread, time], …]}; seconds of
//               CLOCK_MONOTONIC, a task that runs has to = null
saola::server::ServerDefinition service_definition();

}  // namespace incident
