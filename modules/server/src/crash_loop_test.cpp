#include "crash_loop.hpp"

#include <gtest/gtest.h>

namespace saola::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SteadyTime at(milliseconds time) {
  return SteadyTime(time);
}

TEST(CrashLoop, FirstDeathsAreReplacedAtOnceThenPausesDouble) {
  CrashLoop crashes;
  const std::vector<int> pauses_ms{0, 0, 0, 100, 200, 400, 800, 1000, 1000};
  for (int pause : pauses_ms) {
    crashes.died(at(seconds(5)), seconds(1), false);
    EXPECT_EQ(crashes.next_start(), at(seconds(5) + milliseconds(pause)));
  }
  EXPECT_FALSE(crashes.give_up());
  crashes.died(at(seconds(5)), seconds(1), false);
  EXPECT_TRUE(crashes.give_up());
}

TEST(CrashLoop, AWorkerThatLivedStartsTheCountAnew) {
  CrashLoop crashes;
  for (int i = 0; i < 9; ++i) crashes.died(at(seconds(1)), seconds(1), false);
  crashes.died(at(seconds(60)), seconds(59), false);
  EXPECT_EQ(crashes.deaths(), 1);
  EXPECT_EQ(crashes.next_start(), at(seconds(60)));
  EXPECT_FALSE(crashes.give_up());
}

TEST(CrashLoop, BeingKilledFromOutsideDoesNotStopTheServer) {
  CrashLoop crashes;
  for (int i = 0; i < 100; ++i) crashes.died(at(seconds(1)), seconds(1), true);
  EXPECT_FALSE(crashes.give_up());
  EXPECT_EQ(crashes.next_start(), at(seconds(2)));
}

}  // namespace
}  // namespace saola::server
