#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include <saola/base/check.hpp>
#include <saola/base/open_files.hpp>
#include <saola/base/spawn_attributes.hpp>
#include <saola/runtime/process.hpp>
#include <saola/runtime/select.hpp>

#include "io/without_sigpipe.hpp"
#include "loop/last_errno.hpp"
#include "loop/thread_starter.hpp"

extern char** environ;

namespace saola::runtime {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

// The three streams of a child as posix_spawn's file actions, and our ends of its pipes.
class Streams {
 public:
  Streams() { ::posix_spawn_file_actions_init(&actions_); }
  ~Streams() { ::posix_spawn_file_actions_destroy(&actions_); }
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  Result<void> add(int target, int what) {
    switch (what) {
      case ProcessOptions::kDefault:
        if (target != STDIN_FILENO) return {};
        [[fallthrough]];
      case ProcessOptions::kNull:
        ::posix_spawn_file_actions_addopen(&actions_, target, "/dev/null",
                                           target == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
        return {};
      case ProcessOptions::kToOutput:
        SAOLA_CHECK(target == STDERR_FILENO, "only standard error can go where the output goes");
        ::posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
        return {};
      case ProcessOptions::kPipe: {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) {
          return fail(errno_error(detail::last_errno(), "cannot make a pipe"));
        }
        const bool reads = target == STDIN_FILENO;
        theirs_[target].reset(ends[reads ? 0 : 1]);
        ours[target].reset(ends[reads ? 1 : 0]);
        ::posix_spawn_file_actions_adddup2(&actions_, theirs_[target].get(), target);
        return {};
      }
      default:
        ::posix_spawn_file_actions_adddup2(&actions_, what, target);
        return {};
    }
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

  unique_fd ours[3];

 private:
  posix_spawn_file_actions_t actions_;
  unique_fd theirs_[3];
};

}  // namespace

Result<Process> Process::start(const std::vector<std::string>& arguments,
                               const ProcessOptions& options) {
  SAOLA_CHECK(!arguments.empty(), "a process needs the name of its program");
  Streams streams;
  for (const auto& [target, what] : {std::pair(STDIN_FILENO, options.standard_input),
                                     std::pair(STDOUT_FILENO, options.standard_output),
                                     std::pair(STDERR_FILENO, options.standard_error)}) {
    if (auto added = streams.add(target, what); !added) {
      return fail(added);
    }
  }
  const SpawnAttributes attributes;

  auto argv = pointers(arguments);
  auto envp = pointers(options.environment);
  pid_t pid = -1;
  const auto spawn_it = options.search_path ? ::posix_spawnp : ::posix_spawn;
  int error = 0;
  detail::run_undemoted([&] {
    error = spawn_it(&pid, argv[0], streams.actions(), attributes.get(), argv.data(),
                     options.environment.empty() ? environ : envp.data());
  });
  if (error == 0) restore_open_files_limit(pid);
  if (error != 0) return fail(errno_error(error, fmt::format("cannot start '{}'", arguments[0])));
  unique_fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!handle) {
    const int why = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return fail(errno_error(why, "cannot watch a child process"));
  }
  Process process(pid, std::move(handle));
  process.input_ = PollFd(std::move(streams.ours[STDIN_FILENO]));
  process.output_ = PollFd(std::move(streams.ours[STDOUT_FILENO]));
  process.error_ = PollFd(std::move(streams.ours[STDERR_FILENO]));
  return process;
}

Process::~Process() {
  end();
}

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  end();
  pid_ = other.pid_;
  handle_ = std::move(other.handle_);
  ended_ = other.ended_;
  exit_ = other.exit_;
  input_ = std::move(other.input_);
  output_ = std::move(other.output_);
  error_ = std::move(other.error_);
  written_ = other.written_;
  read_output_ = std::move(other.read_output_);
  read_error_ = std::move(other.read_error_);
  return *this;
}

void Process::end() {
  if (!handle_ || ended_) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && detail::last_errno() == EINTR) {
  }
}

Result<ProcessExit> Process::wait(Deadline deadline) {
  while (!ended_) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) != 0) {
      return fail(errno_error(detail::last_errno(), "cannot wait for a child process"));
    }
    if (info.si_pid == pid_) {
      exit_ = {.signalled = info.si_code != CLD_EXITED, .code = info.si_status};
      ended_ = true;
      break;
    }
    const WaitFor what(WaitKind::kProcess, static_cast<std::uint64_t>(pid_));
    if (auto ended = handle_.wait_for(PollFd::Direction::kRead, deadline, what); !ended)
      return fail(ended);
  }
  return exit_;
}

Result<void> Process::send_signal(int signal) {
  if (ended_) return fail(ErrorCode::kNotFound, "process {} has ended", pid_);
  if (::syscall(SYS_pidfd_send_signal, handle_.fd(), signal, nullptr, 0) != 0) {
    if (errno == ESRCH) return fail(ErrorCode::kNotFound, "process {} has ended", pid_);
    return fail(errno_error(errno, "cannot signal a child process"));
  }
  return {};
}

// ---- Talking to a child.

namespace {

// Appends what there is to read now, and closes `from` at its end.
Result<void> read_some(PollFd& from, std::string& into, std::size_t limit) {
  char buffer[16 * 1024];
  const ssize_t n = ::read(from.fd(), buffer, sizeof buffer);
  if (n < 0) {
    const int error = detail::last_errno();
    if (error == EAGAIN || error == EINTR) return {};
    return fail(errno_error(error, "cannot read from a child process"));
  }
  if (n == 0) {
    from.close();
    return {};
  }
  into.append(buffer, static_cast<std::size_t>(n));
  if (into.size() <= limit) return {};
  return fail(ErrorCode::kTooLarge, "a child process wrote more than {} bytes", limit);
}

}  // namespace

Result<void> Process::write_input(std::string_view input) {
  // So much at once is written whole or not at all, and one child does not hold the loop.
  const std::string_view next = input.substr(written_, 64 * 1024);
  if (!next.empty()) {
    const detail::WithoutSigpipe guard;
    const ssize_t n = ::write(input_.fd(), next.data(), next.size());
    const int error = n < 0 ? detail::last_errno() : 0;
    if (n > 0) written_ += static_cast<std::size_t>(n);
    if (error == EPIPE) written_ = input.size();  // it does not want the rest
    if (error != 0 && error != EPIPE && error != EAGAIN && error != EINTR) {
      return fail(errno_error(error, "cannot write to a child process"));
    }
  }
  if (written_ >= input.size()) input_.close();
  return {};
}

// Until all pipes are closed.
Result<void> Process::exchange(std::string_view input, Deadline deadline, std::size_t limit) {
  while (input_ || output_ || error_) {
    if (input_ && written_ >= input.size()) {
      input_.close();
      continue;
    }
    auto writable = on_writable(input_);
    auto output = on_readable(output_);
    auto error = on_readable(error_);
    std::vector<Branch*> branches;
    if (input_) branches.push_back(&writable);
    if (output_) branches.push_back(&output);
    if (error_) branches.push_back(&error);
    const auto ready =
        detail::select_or_error(deadline, branches, "while talking to a child process");
    if (!ready) return fail(ready);
    Branch* which = branches[*ready];
    auto done = which == &writable ? write_input(input)
                : which == &output ? read_some(output_, read_output_, limit)
                                   : read_some(error_, read_error_, limit);
    if (!done) return done;
  }
  return {};
}

Result<ProcessOutput> Process::communicate(std::string_view input, Deadline deadline,
                                           std::size_t limit) {
  if (auto exchanged = exchange(input, deadline, limit); !exchanged) {
    return fail(exchanged);
  }
  auto exit = wait(deadline);
  if (!exit) return fail(exit);
  return ProcessOutput{*exit, std::move(read_output_), std::move(read_error_)};
}

Result<ProcessOutput> run_process(const std::vector<std::string>& arguments,
                                  const RunOptions& options) {
  ProcessOptions how = options.process;
  if (!options.input.empty()) how.standard_input = ProcessOptions::kPipe;
  if (how.standard_output == ProcessOptions::kDefault) how.standard_output = ProcessOptions::kPipe;
  if (how.standard_error == ProcessOptions::kDefault) how.standard_error = ProcessOptions::kPipe;
  auto process = Process::start(arguments, how);
  if (!process) return fail(process);
  auto output = process->communicate(options.input, options.deadline, options.limit);
  if (!output) {
    return fail(std::move(output.error()).wrap(fmt::format("'{}' was killed", arguments[0])));
  }
  return output;
}

}  // namespace saola::runtime
