// The client of a server's control socket: `saola ctl`.
//
//   auto workers = control_request("var/control.sock", R"({"command":"show","what":"workers"})",
//                                  Deadline::after(5s));
//   if (workers) show(*workers);
#pragma once

#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>

namespace saola::server {

// Sends one request, a JSON object such as {"command":"show","what":"workers"}, to the control
// socket at `path` and returns the answer's "result" as JSON text. An answer that reports an error
// is kConflict with its text; kUnavailable when no server listens there. Blocks the thread.
Result<std::string> control_request(const std::string& path, std::string_view request,
                                    Deadline deadline);

// Runs the command `PROGRAM ctl` of the tool and of every service: argv[0] is skipped, flags and words
// follow. Prints a table, or JSON with -j. Returns the exit status: 0 done, 1 the server refused or is
// away, 2 not understood.
//
//   saola ctl --socket var/control.sock show workers
int run_ctl(std::string_view program, int argc, char** argv);

}  // namespace saola::server
