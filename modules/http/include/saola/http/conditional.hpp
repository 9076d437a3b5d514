// Conditional and range requests (RFC 9110 §13, §14) for contents whose validators are known.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <saola/base/unique_fd.hpp>
#include <saola/http/request.hpp>
#include <saola/http/response.hpp>

namespace saola::http {

// What identifies one state of a content.
struct Validators {
  std::string etag;  // with quotes, perhaps W/: "\"abc\""; empty for none
  std::optional<std::chrono::sys_seconds> last_modified;
};

enum class Precondition {
  kProceed,
  kNotModified,  // 304
  kFailed,       // 412
};

// Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of RFC
// 9110 §13.2.2. `exists` tells whether there is a content at all ("*" asks that).
Precondition check_preconditions(const Request& request, const Validators& validators, bool exists,
                                 std::chrono::sys_seconds now);

// A file ready to be sent.
struct FileContent {
  unique_fd fd;
  std::uint64_t size = 0;  // bytes
  std::string content_type;
  Validators validators;
};

// The answer to GET or HEAD of a file: 200, 206, 304, 412 or 416, with the fields that belong to
// it. Several ranges are answered with the whole, which the RFC allows.
Response file_response(const Request& request, FileContent content, std::chrono::sys_seconds now);

}  // namespace saola::http
