// Outcomes a caller branches on: Result<T> is a value or an Error (code, text, cause).
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace saola {

// What kind of failure, so that a caller can branch. The text says the rest.
enum class ErrorCode {
  kInvalidArgument,    // the caller's input is wrong; repeating it will not help
  kNotFound,           // the named thing does not exist
  kAlreadyExists,      // the named thing exists and must not
  kConflict,           // the state moved on (lost lease, ETag changed, wrong job state)
  kPermissionDenied,   // known, but not allowed
  kUnauthenticated,    // credentials are missing or wrong
  kResourceExhausted,  // a queue, quota, disk or limit is full; later may work
  kUnavailable,        // a peer or store cannot be reached now; later may work
  kTimedOut,           // the deadline passed
  kCancelled,          // the caller or an operator asked to stop
  kTooLarge,           // a size limit was exceeded
  kUnsupported,        // understood, but not offered
  kDataCorrupt,        // stored or received bytes do not make sense
  kClosed,             // the peer or the queue is closed
  kInternal,           // our own fault, or one nobody foresaw
};

// "invalid_argument", …: the spelling used in logs, problem documents and --json output.
std::string_view to_string(ErrorCode code);

// A failure with its chain of causes. Cheap to move; copying copies the text and shares the cause.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string text) : code_(code), text_(std::move(text)) {}

  ErrorCode code() const { return code_; }
  // What happened, why it matters, what to do: one or two sentences without a final newline.
  const std::string& text() const { return text_; }
  // The failure underneath, or null.
  const Error* cause() const { return cause_.get(); }
  // text() and every cause's text, joined by ": ".
  std::string message() const;

  // The same failure seen from one level up: keeps the code, puts `text` in front.
  Error wrap(std::string text) &&;

 private:
  ErrorCode code_;
  std::string text_;
  // Shared because an Error is copied with the Result that holds it; the chain itself never
  // changes.
  std::shared_ptr<const Error> cause_;
};

template <typename T>
using Result = std::expected<T, Error>;

// return fail(ErrorCode::kNotFound, "object '{}' does not exist", name);
template <typename... Args>
std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error(code, fmt::format(format, std::forward<Args>(args)...)));
}

// The failure of system call `what` with the given errno, mapped to a code.
Error errno_error(int error_number, std::string_view what);

}  // namespace saola
