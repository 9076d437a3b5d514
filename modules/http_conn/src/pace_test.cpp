#include "pace.hpp"

#include <gtest/gtest.h>

namespace saola::http_conn {
namespace {

using namespace std::chrono_literals;

TEST(Pace, BytesEarnTimeUpToTheLongestWait) {
  Pace pace(30s, 240);
  EXPECT_EQ(pace.left(), 30s);
  pace.moved(1, 20s);
  EXPECT_EQ(pace.left(), 10s + Duration(1s) / 240);
  pace.moved(480, 1s);
  EXPECT_NEAR(std::chrono::duration<double>(pace.left()).count(), 11, 0.01);
  pace.moved(UINT64_MAX, 5s);
  EXPECT_EQ(pace.left(), 30s);
}

TEST(Pace, SingleBytesInsideTheTimeOutEmptyIt) {
  Pace pace(30s, 240);
  pace.moved(1, 29s);
  EXPECT_LT(pace.left(), 1100ms);
  pace.moved(1, 2s);  // later than was left
  EXPECT_EQ(pace.left(), Duration(1s) / 240);
}

TEST(Pace, TheRateKeepsItFull) {
  Pace pace(30s, 240);
  for (int i = 0; i < 1000; ++i) pace.moved(240, 1s);
  EXPECT_EQ(pace.left(), 30s);
}

TEST(Pace, WithoutARateAnyByteFillsIt) {
  Pace pace(30s, 0);
  pace.moved(1, 29s);
  EXPECT_EQ(pace.left(), 30s);
}

TEST(Pace, AnEndlessWaitStaysOne) {
  Pace pace(Duration::max(), 1);
  pace.moved(1 << 30, 0s);
  EXPECT_EQ(pace.left(), Duration::max());
}

}  // namespace
}  // namespace saola::http_conn
