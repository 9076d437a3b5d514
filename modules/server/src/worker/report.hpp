// The process that `ctl show jobs` starts.
#pragma once

#include <string>

#include <saola/base/error.hpp>
#include <saola/server/server.hpp>

#include "process/child_boot.hpp"

namespace saola::server {

// Writes the answer to "show jobs" into boot.channel_fd, a pipe. The exit status of the process.
int run_report(const ServerDefinition& definition, ChildBoot boot);

}  // namespace saola::server
