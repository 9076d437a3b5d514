#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>

#include <cerrno>

#include <gtest/gtest.h>

#include <saola/runtime/runtime.hpp>

#include "test_seccomp.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

// The exit status of a process in which a fiber sleeps ten times without epoll_pwait2().
int sleeps_without_epoll_pwait2(int error) {
  return exit_status_of([error] {
    if (!make_system_call_fail(SYS_epoll_pwait2, 4, 0, error)) return 2;
    epoll_event event;
    if (::epoll_pwait2(-1, &event, 1, nullptr, nullptr) != -1 || errno != error) return 3;
    Runtime runtime;
    const auto before = std::chrono::steady_clock::now();
    runtime.run([] {
      for (int i = 0; i < 10; ++i) this_task::sleep_for(10ms + 300us);
    });
    if (std::chrono::steady_clock::now() - before < 103ms) return 4;
    timespec cpu{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return cpu.tv_sec == 0 && cpu.tv_nsec < 90'000'000 ? 0 : 5;  // it did not spin
  });
}

TEST(Loop, WorksWhereTheKernelHasNoEpollPwait2) {
  EXPECT_EQ(sleeps_without_epoll_pwait2(ENOSYS), 0);
}

TEST(Loop, WorksWhereASandboxForbidsEpollPwait2) {
  EXPECT_EQ(sleeps_without_epoll_pwait2(EPERM), 0);
}

}  // namespace
}  // namespace saola::runtime
