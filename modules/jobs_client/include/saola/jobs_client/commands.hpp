// The client commands: submit, jobs list|show|watch|cancel|retry. They speak only the HTTP API.
#pragma once

#include <saola/base/error.hpp>

namespace saola::split_service {

// Exit statuses of the client commands.
enum class Exit {
  kOk = 0,
  kFailed = 1,       // anything without a status of its own
  kUsage = 2,        // a wrong command line, or a request that the server refuses as such
  kUnreachable = 3,  // no server answers, or it cannot do so now (try again)
  kNotFound = 4,     // there is no such job
  kConflict = 5,     // the job is in the wrong state for that
  kDiscarded = 6,    // the job that was waited for was discarded
  kCancelled = 7,    // … was cancelled
};

// The one place where a failure becomes an exit status.
Exit exit_of(ErrorCode code);

// Parses the command line and runs the command; the exit status of the process.
int run_command(int argc, char** argv);

}  // namespace saola::split_service
