// Child processes: started, waited for, talked to through pipes.
//
//   Result<ProcessOutput> out =
//       run_process({"git", "log", "-1"}, {.deadline = Deadline::after(5s)});
//   if (out && out->exit.ok()) show(out->output);
//
//   auto sorter = Process::start({"sort"}, {.standard_input = ProcessOptions::kPipe,
//                                           .standard_output = ProcessOptions::kPipe});
//   if (!sorter) return sorter.error();
//   auto sorted = sorter->communicate(lines, Deadline::after(5s));
//
// No shell: arguments reach the program as they are. The child begins with no signal blocked, and
// SIGPIPE and SIGXFSZ as any program has them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/runtime/socket.hpp>

namespace saola::runtime {

// What the child begins with.
struct ProcessOptions {
  // NAME=VALUE; empty: this process's environment.
  std::vector<std::string> environment = {};
  // What becomes of the child's 0, 1 and 2: a descriptor of ours, or one of these.
  static constexpr int kDefault = -1;   // input: /dev/null; the others: ours
  static constexpr int kPipe = -2;      // a pipe whose other end the Process has
  static constexpr int kNull = -3;      // /dev/null
  static constexpr int kToOutput = -4;  // for standard_error: where standard output goes
  // A file, say: .standard_output = log.get().
  int standard_input = kDefault;
  int standard_output = kDefault;
  int standard_error = kDefault;
  // Look for a program without a slash in PATH, as a shell does.
  bool search_path = true;
};

// How a child ended.
struct ProcessExit {
  bool signalled = false;
  int code = 0;  // exit status, or the signal's number
  bool ok() const { return !signalled && code == 0; }
};

// What a child left behind.
struct ProcessOutput {
  ProcessExit exit;
  std::string output;  // of those that are pipes
  std::string error_output;
};

// One child. All other descriptors are closed in it (they are close-on-exec throughout Saola). Used
// by one task at a time. Movable; a moved-from one names no child.
class Process {
 public:
  // Starts `arguments[0]`, which sees all of `arguments` as its argv. Does not suspend. kNotFound:
  // there is no such program; kPermissionDenied: not one to run; kResourceExhausted. REQUIRES: at
  // least one argument.
  static Result<Process> start(const std::vector<std::string>& arguments,
                               const ProcessOptions& options = {});
  Process(Process&& other) noexcept = default;
  // Deals with the child that it named before as the destructor does.
  Process& operator=(Process&& other) noexcept;
  // Kills (SIGKILL) and reaps a child that was not waited for. REQUIRES: nobody is inside wait().
  ~Process();

  pid_t pid() const { return pid_; }
  // Waits for its end; may be called again. kTimedOut, kCancelled: the child goes on. SUSPENDS. A
  // child that writes to a pipe that nobody reads never ends: use communicate() then.
  //
  //   if (!child.wait(Deadline::after(5s))) child.send_signal(SIGTERM);
  Result<ProcessExit> wait(Deadline deadline);
  // Sends `signal` to the child alone. kNotFound when it has ended; others from errno.
  Result<void> send_signal(int signal);

  // Writes `input` to the child's standard input and closes it, while it reads standard output and
  // error to their end (each of them if it is a pipe), then waits for the child's end. All at the
  // same time, so that no full pipe blocks both sides. A child that does not read all of its input
  // is no error. kTimedOut, kCancelled, kTooLarge (more than `limit` bytes of output or of error
  // output): the child goes on, and what was read and written is remembered: the call may be
  // repeated, then `input` must be the same. Ends only when whoever else has the pipes, as a
  // grandchild may, has closed them. SUSPENDS.
  Result<ProcessOutput> communicate(std::string_view input, Deadline deadline,
                                    std::size_t limit = kDefaultLimit);
  static constexpr std::size_t kDefaultLimit = 64 << 20;

  // Our ends of the pipes; empty when there is none. For streams that communicate() does not suit.
  PollFd& standard_input() { return input_; }
  PollFd& standard_output() { return output_; }
  PollFd& standard_error() { return error_; }

 private:
  Process(pid_t pid, unique_fd handle) : pid_(pid), handle_(std::move(handle)) {}
  void end();
  Result<void> write_input(std::string_view input);
  Result<void> exchange(std::string_view input, Deadline deadline, std::size_t limit);

  pid_t pid_ = -1;
  PollFd handle_;  // a pidfd: readable when the child has ended
  bool ended_ = false;
  ProcessExit exit_;
  PollFd input_;
  PollFd output_;
  PollFd error_;
  // What communicate() has done so far.
  std::size_t written_ = 0;
  std::string read_output_;
  std::string read_error_;
};

struct RunOptions {
  // standard_output and standard_error are pipes unless they are set to something else.
  ProcessOptions process = {};
  std::string_view input = {};
  Deadline deadline = Deadline::never();
  std::size_t limit = Process::kDefaultLimit;  // bytes of output, and of error output
};

// Starts a program, talks to it as Process::communicate() does, and returns what it left behind;
// an exit status that is not 0 is no error (look at exit.ok()). When the deadline passes, the task
// is cancelled or the limit is exceeded, the child is killed (SIGKILL) and reaped before this
// returns kTimedOut, kCancelled or kTooLarge; its own children are not. SUSPENDS.
Result<ProcessOutput> run_process(const std::vector<std::string>& arguments,
                                  const RunOptions& options = {});

}  // namespace saola::runtime
