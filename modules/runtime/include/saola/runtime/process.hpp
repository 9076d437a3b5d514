// Child processes whose end a task can wait for.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/runtime/socket.hpp>

namespace saola::runtime {

struct ProcessOptions {
  // NAME=VALUE; empty: this process's environment.
  std::vector<std::string> environment = {};
  // Descriptors of ours that become the child's 0, 1 and 2; -1: /dev/null for input, ours for the
  // others.
  int standard_input = -1;
  int standard_output = -1;
  int standard_error = -1;
  bool search_path = true;
};

struct ProcessExit {
  bool signalled = false;
  int code = 0;  // exit status, or the signal's number
};

// One child. All other descriptors are closed in it (they are close-on-exec throughout Saola).
class Process {
 public:
  // Starts `arguments[0]`. Does not suspend.
  static Result<Process> start(const std::vector<std::string>& arguments,
                               const ProcessOptions& options = {});
  Process(Process&& other) noexcept = default;
  // Deals with the child that it named before as the destructor does.
  Process& operator=(Process&& other) noexcept;
  // Kills (SIGKILL) and reaps a child that was not waited for. REQUIRES: nobody is inside wait().
  ~Process();

  pid_t pid() const { return pid_; }
  // Waits for its end; may be called again. kTimedOut, kCancelled: the child goes on. SUSPENDS.
  Result<ProcessExit> wait(Deadline deadline);
  // kNotFound when it has ended.
  Result<void> send_signal(int signal);

 private:
  Process(pid_t pid, unique_fd handle) : pid_(pid), handle_(std::move(handle)) {}
  void end();
  pid_t pid_ = -1;
  PollFd handle_;  // a pidfd: readable when the child has ended
  bool ended_ = false;
  ProcessExit exit_;
};

}  // namespace saola::runtime
