#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include <gtest/gtest.h>

#include <saola/runtime/runtime.hpp>

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

// From here on epoll_pwait2() fails with `error` in this process, as on an old kernel or in a
// sandbox.
bool forbid_epoll_pwait2(int error) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = 4, .filter = code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
         ::syscall(SYS_epoll_pwait2, -1, nullptr, 0, nullptr, nullptr, 0) == -1 && errno == error;
}

// The exit status of a process in which a fiber sleeps ten times without epoll_pwait2().
int sleeps_without_epoll_pwait2(int error) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!forbid_epoll_pwait2(error)) ::_exit(2);
    Runtime runtime;
    const auto before = std::chrono::steady_clock::now();
    runtime.run([] {
      for (int i = 0; i < 10; ++i) this_task::sleep_for(10ms + 300us);
    });
    if (std::chrono::steady_clock::now() - before < 103ms) ::_exit(3);
    timespec cpu{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    ::_exit(cpu.tv_sec == 0 && cpu.tv_nsec < 90'000'000 ? 0 : 4);  // it did not spin
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Loop, WorksWhereTheKernelHasNoEpollPwait2) {
  EXPECT_EQ(sleeps_without_epoll_pwait2(ENOSYS), 0);
}

TEST(Loop, WorksWhereASandboxForbidsEpollPwait2) {
  EXPECT_EQ(sleeps_without_epoll_pwait2(EPERM), 0);
}

}  // namespace
}  // namespace saola::runtime
