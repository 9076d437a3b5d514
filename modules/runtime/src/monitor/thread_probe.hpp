// What the kernel says about a thread of this process: CPU time, time spent waiting for a CPU, and
// state.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include <saola/base/time.hpp>
#include <saola/base/unique_fd.hpp>

namespace saola::runtime::detail {

// Follows one thread at a time; a few system calls a look.
class ThreadProbe {
 public:
  struct Usage {
    Duration cpu{};  // CPU time used
    Duration
        run_delay{};  // time it was runnable without a CPU; zero where the kernel does not tell
  };
  Usage usage(pid_t tid);
  // The CPU clock of a thread of this process: exact even for one that runs now, where schedstat lags
  // by a tick. Needs no descriptor. Zero when the thread is gone.
  static Duration cpu_time(pid_t tid);
  // 'R' running or runnable, 'S' or 'D' waiting in the kernel, … '?' when it is gone (proc(5)).
  static char state(pid_t tid);
  // Program counter and stack pointer of a thread that waits in a system call; false otherwise.
  static bool waiting_at(pid_t tid, std::uintptr_t& pc, std::uintptr_t& sp);

 private:
  pid_t tid_ = 0;
  unique_fd schedstat_;
};

}  // namespace saola::runtime::detail
