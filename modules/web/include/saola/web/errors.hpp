// The exceptions of this module: HttpError unwinds a view into an answer, SetupError is a mistake
// in the application's set-up.
//
//   if (!known(id)) throw HttpError(404, "there is no job " + id);
//   throw HttpError(429, "too many jobs wait").with("Retry-After", "5");
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/http/headers.hpp>
#include <saola/http/problem.hpp>

namespace saola::web {

// Thrown by a view or hook to answer with an error: `throw HttpError(404, "no job 7")`. Becomes a
// problem document unless an error handler makes something else of it. Its detail is shown to the
// client: say what was wrong with the request and what to do.
class HttpError : public std::exception {
 public:
  explicit HttpError(int status, std::string detail = {})
      : HttpError(http::Problem{.status = status, .detail = std::move(detail)}) {}
  explicit HttpError(http::Problem problem) : problem_(std::move(problem)) {}
  // The status comes from http::status_for(). A failure of kInternal or kDataCorrupt is logged by
  // the App and its text kept from the client.
  //
  //   auto job = store.get(id, deadline);
  //   if (!job) throw HttpError(job.error());                    // kNotFound: 404
  explicit HttpError(const Error& error) : problem_(http::problem_from(error)) {
    if (problem_.status == 500) log_text_ = error.message();
  }
  // The 500 that stands for an exception nobody handled.
  explicit HttpError(std::exception_ptr original);

  // Adds a header field to the answer: `HttpError(429, "…").with("Retry-After", "5")`. Throws as
  // Headers::add().
  HttpError&& with(std::string_view name, std::string_view value) && {
    headers_.add(name, value);
    return std::move(*this);
  }

  // What the answer will be.
  int status() const { return problem_.status; }
  const http::Problem& problem() const { return problem_; }
  const http::Headers& headers() const { return headers_; }
  // What only the log may say; empty when the problem says it all.
  const std::string& log_text() const { return log_text_; }
  // The exception behind a 500, or null.
  std::exception_ptr original() const { return original_; }
  const char* what() const noexcept override { return problem_.detail.c_str(); }

 private:
  http::Problem problem_;
  http::Headers headers_;
  std::string log_text_;
  std::exception_ptr original_;
};

// 422 with what is wrong with a request's body, all of it at once:
//
//   if (args.from > args.to) throw invalid_body({{"#/from", "must not be after 'to'"}});
HttpError invalid_body(std::vector<http::FieldError> errors);

// The application was put together wrongly: a bad pattern, two routes for the same requests, a
// change after the first request. A mistake in the program, so let it end the program. Three parts:
// what happened, why it matters, what to do.
class SetupError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace saola::web
