// The stack of a running thread, taken by a signal to it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include <saola/base/time.hpp>

namespace saola::runtime::detail {

// Installs the handler, once per process.
void prepare_capture();
// The stack of thread `tid` while it runs the fiber whose ownership word is `run_word`; empty when
// it no longer does, or does not answer within `patience`. One call at a time in a process.
std::vector<std::uintptr_t> capture_running(pid_t tid, std::uint64_t run_word, Duration patience);
// The stack of a thread that waits in a system call: read from outside, for a signal would end the
// call early.
std::vector<std::uintptr_t> capture_waiting(pid_t tid, std::uintptr_t bottom, std::uintptr_t top);

}  // namespace saola::runtime::detail
