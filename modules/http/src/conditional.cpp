#include <saola/http/conditional.hpp>
#include <saola/http/date.hpp>
#include <saola/http/problem.hpp>
#include <saola/http/range.hpp>

#include "list.hpp"

namespace saola::http {
namespace {

using std::chrono::sys_seconds;

bool is_weak(std::string_view etag) {
  return etag.starts_with("W/");
}

// RFC 9110 §8.8.3.2.
bool weak_match(std::string_view a, std::string_view b) {
  return a.substr(is_weak(a) ? 2 : 0) == b.substr(is_weak(b) ? 2 : 0);
}
bool strong_match(std::string_view a, std::string_view b) {
  return !is_weak(a) && a == b;
}

// Whether `list` ("*" or entity tags) names the current state.
template <typename Match>
bool names_state(std::string_view list, const Validators& validators, bool exists, Match match) {
  if (list == "*") return exists;
  while (!list.empty()) {
    const std::string_view etag = take_part(list, ',');
    if (!etag.empty() && exists && match(etag, validators.etag)) return true;
  }
  return false;
}

std::optional<sys_seconds> date_field(const Request& request, std::string_view name,
                                      sys_seconds now) {
  const auto value = request.headers.get(name);
  return value ? parse_http_date(*value, now) : std::nullopt;
}

// RFC 9110 §13.1.5: the range counts only while the client's part is of the current state.
bool if_range_holds(const Request& request, const Validators& validators, sys_seconds now) {
  const auto value = request.headers.get("If-Range");
  if (!value) return true;
  if (value->starts_with('"') || is_weak(*value)) return strong_match(*value, validators.etag);
  const auto date = parse_http_date(*value, now);
  // A date is a strong validator only when the content cannot have changed twice in its second.
  return date && validators.last_modified == date && now - *date >= std::chrono::seconds(1);
}

}  // namespace

Precondition check_preconditions(const Request& request, const Validators& validators, bool exists,
                                 sys_seconds now) {
  const bool is_read = request.method == Method::kGet || request.method == Method::kHead;
  if (request.headers.contains("If-Match")) {
    if (!names_state(request.headers.joined("If-Match"), validators, exists, strong_match)) {
      return Precondition::kFailed;
    }
  } else if (const auto date = date_field(request, "If-Unmodified-Since", now);
             date && validators.last_modified && *validators.last_modified > *date) {
    return Precondition::kFailed;
  }
  if (request.headers.contains("If-None-Match")) {
    if (names_state(request.headers.joined("If-None-Match"), validators, exists, weak_match)) {
      return is_read ? Precondition::kNotModified : Precondition::kFailed;
    }
  } else if (const auto date = date_field(request, "If-Modified-Since", now);
             is_read && date && validators.last_modified && *validators.last_modified <= *date) {
    return Precondition::kNotModified;
  }
  return Precondition::kProceed;
}

Response file_response(const Request& request, FileContent content, sys_seconds now) {
  Response response;
  const auto add_validators = [&] {
    if (!content.validators.etag.empty()) response.headers.set("ETag", content.validators.etag);
    if (content.validators.last_modified) {
      response.headers.set("Last-Modified", format_http_date(*content.validators.last_modified));
    }
    response.headers.set("Accept-Ranges", "bytes");
  };
  switch (check_preconditions(request, content.validators, true, now)) {
    case Precondition::kFailed:
      return problem_response({.status = 412,
                               .detail = "the file is not in the state that the request names",
                               .request_id = std::string(request.request_id)});
    case Precondition::kNotModified:
      response.status = 304;
      add_validators();
      return response;
    case Precondition::kProceed:
      break;
  }
  ByteRange part{0, content.size};
  const auto range = request.headers.get("Range");
  if (range && request.method == Method::kGet && request.headers.count("Range") == 1 &&
      if_range_holds(request, content.validators, now)) {
    const RangeRequest asked = parse_range(*range, content.size);
    if (asked.kind == RangeRequest::Kind::kUnsatisfiable) {
      response =
          problem_response({.status = 416,
                            .detail = "the file is shorter than the range that was asked for",
                            .request_id = std::string(request.request_id)});
      response.headers.set("Content-Range", unsatisfied_content_range(content.size));
      return response;
    }
    if (asked.kind == RangeRequest::Kind::kPartial && asked.ranges.size() == 1) {
      part = asked.ranges[0];
      response.status = 206;
      response.headers.set("Content-Range", content_range(part, content.size));
    }
  }
  add_validators();
  response.headers.set("Content-Type", content.content_type);
  response.body = FileBody{std::move(content.fd), part.first, part.length};
  return response;
}

}  // namespace saola::http
