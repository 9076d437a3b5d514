#include <cerrno>

#include <gtest/gtest.h>

#include <saola/base/error.hpp>

namespace saola {
namespace {

TEST(Error, MessageJoinsTheChainOfCauses) {
  const Error e =
      Error(ErrorCode::kNotFound, "no such file").wrap("cannot read 'a.csv'").wrap("job 7 failed");
  EXPECT_EQ(e.code(), ErrorCode::kNotFound);
  EXPECT_EQ(e.message(), "job 7 failed: cannot read 'a.csv': no such file");
  ASSERT_NE(e.cause(), nullptr);
  EXPECT_EQ(e.cause()->text(), "cannot read 'a.csv'");
}

TEST(Error, FullDiskIsResourceExhausted) {
  EXPECT_EQ(errno_error(ENOSPC, "write").code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(errno_error(ENOSPC, "write").text(), "write: No space left on device");
}

TEST(Error, FailFormats) {
  const Result<int> r = fail(ErrorCode::kTooLarge, "{} bytes, at most {}", 10, 5);
  ASSERT_FALSE(r.has_value());
  EXPECT_EQ(r.error().text(), "10 bytes, at most 5");
  EXPECT_EQ(to_string(r.error().code()), "too_large");
}

}  // namespace
}  // namespace saola
