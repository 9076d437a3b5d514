// Problem documents (RFC 9457): the one form of every error a client sees, whether the application
// or the connection found it.
//
//   return problem_response({.status = 404, .detail = "there is no job 7"});
//
//   {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no job 7"}
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/http/response.hpp>

namespace saola::http {

// What is wrong with one part of a request: {"#/columns/2", "must be a string, not 7"}.
struct FieldError {
  std::string pointer;  // JSON Pointer as a URI fragment: "#/columns/2"; "#" is the whole
  std::string detail;

  friend bool operator==(const FieldError&, const FieldError&) = default;
};

// What a problem document says; empty members are left out of it.
struct Problem {
  int status = 500;
  std::string detail = {};      // this occurrence: what happened, why, what to do
  std::string title = {};       // the kind; empty: reason_phrase(status)
  std::string type = {};        // a URI naming the kind; empty means "about:blank"
  std::string code = {};        // the spelling of an ErrorCode, for clients that branch
  std::string request_id = {};  // finds the request in the log
  std::vector<FieldError> errors = {};
};

// The status for a failure that the application did not map itself: 400 invalid argument, 401, 403,
// 404, 409 conflict or already there, 413, 501 unsupported, 503 (full, unreachable, cancelled,
// closed), 504 timed out, 500 for the rest. A full queue is the application's to call 429; a full
// disk or quota is 503.
int status_for(ErrorCode code);

// The problem of an Error. The text of a kInternal or kDataCorrupt stays out: it tells a client
// nothing and may tell an attacker something. Log it.
//
//   if (!found) return problem_response(problem_from(found.error()));
Problem problem_from(const Error& error);

// {"type", "title", "status", "detail", …} in valid UTF-8, without a final newline. Bytes of the
// members that are not UTF-8 are replaced.
std::string to_json(const Problem& problem);

// The document as a response with Content-Type application/problem+json and Cache-Control no-store.
Response problem_response(const Problem& problem);

// The media type of to_json()'s text.
inline constexpr std::string_view kProblemType = "application/problem+json";

}  // namespace saola::http
