// Problem documents (RFC 9457): the one form of every error a client sees, whether the application
// or the connection found it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/http/response.hpp>

namespace saola::http {

// What is wrong with one part of a request.
struct FieldError {
  std::string pointer;  // JSON Pointer as a URI fragment: "#/columns/2"; "#" is the whole
  std::string detail;

  friend bool operator==(const FieldError&, const FieldError&) = default;
};

// A value; empty members are left out of the document.
struct Problem {
  int status = 500;
  std::string detail = {};      // this occurrence: what happened, why, what to do
  std::string title = {};       // the kind; empty: reason_phrase(status)
  std::string type = {};        // a URI naming the kind; empty means "about:blank"
  std::string code = {};        // the spelling of an ErrorCode, for clients that branch
  std::string request_id = {};  // finds the request in the log
  std::vector<FieldError> errors = {};
};

// The status for a failure that the application did not map itself. A full queue is the
// application's to call 429; a full disk or quota is 503.
int status_for(ErrorCode code);

// The problem of an Error. The text of a kInternal or kDataCorrupt stays out: it tells a client
// nothing and may tell an attacker something. Log it.
Problem problem_from(const Error& error);

// {"type", "title", "status", "detail", …} in valid UTF-8, without a final newline.
std::string to_json(const Problem& problem);

// The document as a response with Content-Type application/problem+json and Cache-Control no-store.
Response problem_response(const Problem& problem);

inline constexpr std::string_view kProblemType = "application/problem+json";

}  // namespace saola::http
