// The service that froze: one route submits a task that computes to a pool of five workers and
// answers at once.
#pragma once

namespace incident {

// POST /split   submits a task, 202 {"task": number}
// GET /ping     {"worker": process id, "submitted": tasks, "done": tasks}
// GET /timeline {"tasks": [{task, thread, from, to}], "pings": [[thread, time], …]}; seconds of
//               CLOCK_MONOTONIC, a task that runs has to = null
// Serves them until it is told to stop; the exit status. Flags as of every server.
int serve(int argc, char** argv);

}  // namespace incident
