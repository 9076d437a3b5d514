#include <stdexcept>

#include <gtest/gtest.h>

#include <saola/base/exception_text.hpp>

namespace saola {
namespace {

TEST(ExceptionText, IsWhatTheExceptionSays) {
  EXPECT_EQ(exception_text(std::make_exception_ptr(std::runtime_error("the disk is gone"))),
            "the disk is gone");
}

TEST(ExceptionText, SaysThatMemoryRanOut) {
  EXPECT_EQ(exception_text(std::make_exception_ptr(std::bad_alloc())), "out of memory");
}

TEST(ExceptionText, ToldOfWhatIsNoStdException) {
  EXPECT_EQ(exception_text(std::make_exception_ptr(7)),
            "an exception that is not a std::exception");
}

}  // namespace
}  // namespace saola
