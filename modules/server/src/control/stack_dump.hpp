// The stacks of all threads of this process, for `ctl show stacks` and for the last words of a hung
// worker.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/observe/stall_report.hpp>

namespace saola::server {

struct ThreadStack {
  pid_t thread = 0;
  std::string name;
  char state = '?';  // as in /proc: R running, S sleeping, D in the kernel, …
  std::vector<observe::StackFrame> frames;  // innermost first; empty when it did not answer
};

// Call once, before threads start: loads what a signal handler must not.
void prepare_stack_dump();

// Interrupts one thread after the other with a signal whose handler notes its return addresses;
// names are looked up here. Interrupted sleeps of the application may end early (EINTR). One call
// at a time. Not for signal handlers.
std::vector<ThreadStack> dump_stacks();

boost::json::array stacks_to_json(const std::vector<ThreadStack>& stacks);

}  // namespace saola::server
