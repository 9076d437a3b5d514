// EXPECT_TRUE(succeeds(result)), EXPECT_TRUE(fails_with(result, code, "part of the message")).
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <saola/base/error.hpp>

namespace saola::objects {

template <typename T>
testing::AssertionResult fails_with(const Result<T>& result, ErrorCode code,
                                    std::string_view text = "") {
  if (result) return testing::AssertionFailure() << "it succeeded";
  const Error& error = result.error();
  if (error.code() != code || error.message().find(text) == std::string::npos) {
    return testing::AssertionFailure()
           << to_string(error.code()) << ": " << error.message() << "; expected " << to_string(code)
           << " and '" << text << "'";
  }
  return testing::AssertionSuccess();
}

template <typename T>
testing::AssertionResult succeeds(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << to_string(result.error().code()) << ": " << result.error().message();
}

}  // namespace saola::objects
