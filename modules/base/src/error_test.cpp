#include <cerrno>
#include <memory>
#include <utility>

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

TEST(Error, FailPassesOnTheErrorOfAResultOfAnyType) {
  const Result<std::unique_ptr<int>> from = fail(ErrorCode::kConflict, "the lease is lost");
  const Result<void> to = fail(from);
  ASSERT_FALSE(to);
  EXPECT_EQ(to.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(to.error().text(), "the lease is lost");
  EXPECT_EQ(from.error().text(), "the lease is lost") << "it was copied";
}

TEST(Error, FailOfATemporaryResultMovesItsText) {
  Result<int> from = fail(ErrorCode::kConflict, "a text that is too long to be kept in place");
  const char* const text = from.error().text().data();
  const Result<void> to = fail(std::move(from));
  EXPECT_EQ(to.error().text().data(), text);
}

TEST(Error, FailTakesAnErrorAndAWrappedOne) {
  Result<int> from = fail(errno_error(ENOENT, "open 'a'"));
  EXPECT_EQ(from.error().code(), ErrorCode::kNotFound);
  const Result<void> to = fail(std::move(from).error().wrap("cannot load"));
  EXPECT_EQ(to.error().message(), "cannot load: open 'a': No such file or directory");
}

TEST(ErrorDeathTest, FailOfAResultThatHoldsAValueIsABug) {
  const Result<int> fine = 3;
  EXPECT_DEATH(static_cast<void>(fail(fine)), "fail.. of a Result that holds a value");
}

}  // namespace
}  // namespace saola
