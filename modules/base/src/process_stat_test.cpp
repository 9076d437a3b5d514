#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include <gmock/gmock.h>

#include <saola/base/process_stat.hpp>

namespace saola {
namespace {

TEST(ProcessStat, CountsFieldsFromBehindTheName) {
  const ProcessStat stat("42 (a) R (7 8) S 1 -2 x 18446744073709551615 last\n");
  EXPECT_EQ(stat.state(), 'S');
  EXPECT_EQ(stat.number(4), 1u);
  EXPECT_EQ(stat.field(5), "-2");
  EXPECT_EQ(stat.number(5), 0u);
  EXPECT_EQ(stat.field(6), "x");
  EXPECT_EQ(stat.number(6), 0u);
  EXPECT_EQ(stat.number(7), UINT64_MAX);
  EXPECT_EQ(stat.field(8), "last");
  EXPECT_EQ(stat.field(9), "");
}

TEST(ProcessStat, OfNobodyOrOfATornTextIsEmpty) {
  for (const ProcessStat& stat : {ProcessStat::read("/proc/0/stat"), ProcessStat(""),
                                  ProcessStat("1 (a"), ProcessStat("1 (a)")}) {
    EXPECT_EQ(stat.state(), '?');
    EXPECT_FALSE(stat.lives());
    EXPECT_EQ(stat.field(4), "");
    EXPECT_EQ(stat.number(22), 0u);
  }
}

TEST(ProcessStat, ThisProcessLivesAndAZombieDoesNot) {
  const ProcessStat self = ProcessStat::read("/proc/self/stat");
  EXPECT_TRUE(self.lives());
  EXPECT_EQ(self.number(4), static_cast<std::uint64_t>(::getppid()));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t ended;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  const ProcessStat zombie = ProcessStat::read("/proc/" + std::to_string(child) + "/stat");
  EXPECT_EQ(zombie.state(), 'Z');
  EXPECT_FALSE(zombie.lives());
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace saola
