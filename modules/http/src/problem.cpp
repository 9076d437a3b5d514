#include <utility>

#include <saola/base/log.hpp>
#include <saola/http/problem.hpp>
#include <saola/http/status.hpp>

namespace saola::http {
namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += out.back() == '{' ? "\"" : ",\"";
  out += name;
  out += "\":\"";
  append_json_escaped(out, text);
  out += '"';
}

}  // namespace

int status_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kUnsupported:
      return 501;
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kUnavailable:
    case ErrorCode::kCancelled:
    case ErrorCode::kClosed:
      return 503;
    case ErrorCode::kTimedOut:
      return 504;
    case ErrorCode::kDataCorrupt:
    case ErrorCode::kInternal:
      return 500;
  }
  std::unreachable();
}

Problem problem_from(const Error& error) {
  Problem problem{.status = status_for(error.code()), .code = std::string(to_string(error.code()))};
  problem.detail =
      problem.status == 500
          ? "The server failed while it handled the request; the request itself may be "
            "right. The log has the cause under the request id."
          : error.message();
  return problem;
}

std::string to_json(const Problem& problem) {
  std::string out = "{";
  append_member(out, "type", problem.type.empty() ? "about:blank" : problem.type);
  append_member(out, "title",
                problem.title.empty() ? reason_phrase(problem.status) : problem.title);
  out += fmt::format(",\"status\":{}", problem.status);
  if (!problem.detail.empty()) append_member(out, "detail", problem.detail);
  if (!problem.code.empty()) append_member(out, "code", problem.code);
  if (!problem.request_id.empty()) append_member(out, "request_id", problem.request_id);
  if (!problem.errors.empty()) {
    out += ",\"errors\":[";
    for (const FieldError& error : problem.errors) {
      if (out.back() != '[') out += ',';
      out += '{';
      append_member(out, "pointer", error.pointer);
      append_member(out, "detail", error.detail);
      out += '}';
    }
    out += ']';
  }
  out += '}';
  return out;
}

Response problem_response(const Problem& problem) {
  Response response(problem.status, kProblemType, to_json(problem));
  response.headers.add("Cache-Control", "no-store");
  return response;
}

}  // namespace saola::http
