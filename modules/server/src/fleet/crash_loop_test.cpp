#include "fleet/crash_loop.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace saola::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr CrashLoop::Rule kRule{.limit = 10, .young = seconds(10)};

SteadyTime at(milliseconds time) {
  return SteadyTime(time);
}

TEST(CrashLoop, FirstDeathsAreReplacedAtOnceThenPausesDouble) {
  CrashLoop crashes;
  const std::vector<int> pauses_ms{0, 0, 0, 100, 200, 400, 800, 1600, 3200};
  for (int pause : pauses_ms) {
    crashes.died(at(seconds(5)), seconds(1), kRule);
    EXPECT_EQ(crashes.next_start(), at(seconds(5) + milliseconds(pause)));
  }
  EXPECT_FALSE(crashes.is_loop(kRule));
  crashes.died(at(seconds(5)), seconds(1), kRule);
  EXPECT_TRUE(crashes.is_loop(kRule));
  EXPECT_FALSE(crashes.is_loop({.limit = 0}));
  EXPECT_EQ(crashes.next_start(), at(seconds(10))) << "the longest pause";
}

TEST(CrashLoop, AWorkerThatStartedInTheRowAndLivesEndsIt) {
  CrashLoop crashes;
  for (int i = 0; i < 9; ++i) crashes.died(at(seconds(100)), seconds(1), kRule);
  crashes.lives(at(seconds(50)), seconds(60), kRule);
  EXPECT_EQ(crashes.deaths(), 9) << "one from before the row says nothing about it";
  crashes.lives(at(seconds(101)), seconds(9), kRule);
  EXPECT_EQ(crashes.deaths(), 9) << "not long enough yet";
  crashes.lives(at(seconds(101)), seconds(10), kRule);
  EXPECT_EQ(crashes.deaths(), 0);
  crashes.died(at(seconds(120)), seconds(1), kRule);
  EXPECT_EQ(crashes.next_start(), at(seconds(120)));
}

TEST(CrashLoop, TheDeathOfAnOldWorkerIsNone) {
  CrashLoop crashes;
  for (int i = 0; i < 100; ++i) crashes.died(at(seconds(60)), seconds(59), kRule);
  EXPECT_EQ(crashes.deaths(), 0);
  EXPECT_EQ(crashes.next_start(), SteadyTime());
}

// However long it takes to boot.
TEST(CrashLoop, OneThatNeverServedDiesYoung) {
  CrashLoop crashes;
  for (int i = 1; i <= 10; ++i) {
    EXPECT_FALSE(crashes.is_loop(kRule));
    crashes.died(at(seconds(30 * i)), std::nullopt, kRule);
  }
  EXPECT_TRUE(crashes.is_loop(kRule));
}

TEST(CrashLoop, PausesAfterTheFreeDeaths) {
  CrashLoop crashes;
  for (int i = 0; i < CrashLoop::kFree; ++i) {
    crashes.died(at(seconds(1)), std::nullopt, kRule);
    EXPECT_FALSE(crashes.pauses());
  }
  crashes.died(at(seconds(1)), std::nullopt, kRule);
  EXPECT_TRUE(crashes.pauses());
}

}  // namespace
}  // namespace saola::server
