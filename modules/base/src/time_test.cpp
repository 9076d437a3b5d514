#include <gtest/gtest.h>

#include <saola/base/time.hpp>

namespace saola {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, NeverDoesNotPass) {
  EXPECT_TRUE(Deadline::never().is_never());
  EXPECT_FALSE(Deadline::never().passed());
  EXPECT_TRUE(Deadline::after(Duration::max()).is_never());
}

TEST(Deadline, PassesAndHasNothingLeft) {
  const Deadline d = Deadline::after(-1s);
  EXPECT_TRUE(d.passed());
  EXPECT_EQ(d.remaining(), Duration::zero());
  EXPECT_GT(Deadline::after(1h).remaining(), 59min);
  EXPECT_EQ(min(d, Deadline::never()).time(), d.time());
}

TEST(Time, Rfc3339) {
  EXPECT_EQ(format_rfc3339(SystemTime(0s)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(SystemTime(-1ms)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_rfc3339(SystemTime(1700000000123ms)), "2023-11-14T22:13:20.123Z");
}

}  // namespace
}  // namespace saola
