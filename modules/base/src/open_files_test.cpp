#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <saola/base/open_files.hpp>
#include <saola/base/unique_fd.hpp>

namespace saola {
namespace {

rlim_t soft_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

// In a process of its own, whose limits are its own.
int in_a_child(int (*check)()) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(check());
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}

TEST(OpenFiles, TheSoftLimitIsRaisedToTheHardOneAndRestoredForOthers) {
  EXPECT_EQ(in_a_child([] {
              const rlimit low{.rlim_cur = 100, .rlim_max = 300};
              ::setrlimit(RLIMIT_NOFILE, &low);
              if (raise_open_files_limit() != 300 || soft_limit() != 300) return 1;
              restore_open_files_limit(0);
              return soft_limit() == 100 ? 0 : 2;
            }),
            0);
}

TEST(OpenFiles, ALimitThatWasNotRaisedIsLeftAlone) {
  EXPECT_EQ(in_a_child([] {
              const rlimit low{.rlim_cur = 100, .rlim_max = 100};
              ::setrlimit(RLIMIT_NOFILE, &low);
              if (raise_open_files_limit() != 100) return 1;
              restore_open_files_limit(0);
              return soft_limit() == 100 ? 0 : 2;
            }),
            0);
}

TEST(OpenFiles, CountsDescriptors) {
  const std::size_t before = open_files();
  const unique_fd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(open_files(), before + 1);
}

}  // namespace
}  // namespace saola
