// Conditional and range requests (RFC 9110 §13, §14) for contents whose validators are known.
//
//   const auto now = std::chrono::floor<std::chrono::seconds>(real_clock().system_now());
//   switch (check_preconditions(request, {.etag = "\"v7\""}, true, now)) {
//     case Precondition::kNotModified: return Response(304);
//     case Precondition::kFailed:      return problem_response({.status = 412});
//     case Precondition::kProceed:     break;
//   }
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

// What identifies one state of a content: give a client both and it can ask whether it has changed.
struct Validators {
  std::string etag;  // with quotes, perhaps W/: "\"abc\""; empty for none
  std::optional<std::chrono::sys_seconds> last_modified;
};

// What the conditions of a request come to.
enum class Precondition {
  kProceed,
  kNotModified,  // 304
  kFailed,       // 412
};

// Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of RFC
// 9110 §13.2.2. `exists`: whether there is a content at all ("*" asks that). Dates that are none
// are ignored. `now` is for two-digit years. kNotModified only for GET and HEAD.
Precondition check_preconditions(const Request& request, const Validators& validators, bool exists,
                                 std::chrono::sys_seconds now);

// A file ready to be sent.
//
//   return file_response(request, {.fd = std::move(fd), .size = size, .content_type = "text/csv"},
//                        now);
struct FileContent {
  unique_fd fd;
  std::uint64_t size = 0;  // bytes
  std::string content_type;
  Validators validators;
};

// The answer to GET or HEAD of a file: 200, 206, 304, 412 or 416, with the fields that belong to it
// (ETag, Last-Modified, Accept-Ranges, Content-Type, Content-Range). Several ranges are answered
// with the whole, which the RFC allows. Reads nothing: the server sends the bytes.
Response file_response(const Request& request, FileContent content, std::chrono::sys_seconds now);

}  // namespace saola::http
