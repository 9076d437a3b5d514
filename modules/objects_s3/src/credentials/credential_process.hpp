// credential_process of a profile: a program that prints keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>

namespace saola::objects_s3 {

// The words of a command as a shell takes it apart, with quotes and backslashes and nothing else.
// Unset: a quote is not closed.
std::optional<std::vector<std::string>> words_of(std::string_view command);

// Runs the program, found on PATH, with no input and its errors where ours go; what it prints, at
// most 64 KiB. It is killed at `deadline`. kUnavailable: it cannot be run, fails or takes too long.
Result<std::string> run_credential_process(const std::vector<std::string>& words,
                                           Deadline deadline);

}  // namespace saola::objects_s3
