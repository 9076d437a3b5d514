#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include <saola/base/check.hpp>
#include <saola/runtime/process.hpp>

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

}  // namespace

Result<Process> Process::start(const std::vector<std::string>& arguments,
                               const ProcessOptions& options) {
  SAOLA_CHECK(!arguments.empty(), "a process needs the name of its program");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  if (options.standard_input >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, options.standard_input, STDIN_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  if (options.standard_output >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, options.standard_output, STDOUT_FILENO);
  }
  if (options.standard_error >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, options.standard_error, STDERR_FILENO);
  }
  // The child begins with no signal blocked, whatever this thread blocks.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);

  auto argv = pointers(arguments);
  auto envp = pointers(options.environment);
  pid_t pid = -1;
  const auto spawn_it = options.search_path ? ::posix_spawnp : ::posix_spawn;
  int error = 0;
  detail::run_undemoted([&] {
    error = spawn_it(&pid, argv[0], &actions, &attributes, argv.data(),
                     options.environment.empty() ? environ : envp.data());
  });
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return std::unexpected(errno_error(error, fmt::format("cannot start '{}'", arguments[0])));
  unique_fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!handle) {
    const int why = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return std::unexpected(errno_error(why, "cannot watch a child process"));
  }
  return Process(pid, std::move(handle));
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
      return std::unexpected(errno_error(detail::last_errno(), "cannot wait for a child process"));
    }
    if (info.si_pid == pid_) {
      exit_ = {.signalled = info.si_code != CLD_EXITED, .code = info.si_status};
      ended_ = true;
      break;
    }
    if (auto readable = handle_.wait_readable(deadline); !readable)
      return std::unexpected(readable.error());
  }
  return exit_;
}

Result<void> Process::send_signal(int signal) {
  if (ended_) return fail(ErrorCode::kNotFound, "process {} has ended", pid_);
  if (::syscall(SYS_pidfd_send_signal, handle_.fd(), signal, nullptr, 0) != 0) {
    if (errno == ESRCH) return fail(ErrorCode::kNotFound, "process {} has ended", pid_);
    return std::unexpected(errno_error(errno, "cannot signal a child process"));
  }
  return {};
}

}  // namespace saola::runtime
