// Outcomes a caller branches on: Result<T> is a value or an Error (code, text, cause).
//
//   Result<Config> load(const std::string& path) {
//     Result<std::string> text = read_file(path);
//     if (!text) return fail(std::move(text).error().wrap("cannot load the settings"));
//     if (text->empty()) return fail(ErrorCode::kInvalidArgument, "'{}' is empty", path);
//     const Result<Table> table = parse(*text);
//     if (!table) return fail(table);
//     return Config(*table);
//   }
//
//   const auto config = load(path);
//   if (!config && config.error().code() == ErrorCode::kNotFound) return defaults();
//   if (!config) log_error(config.error().message());   // "cannot load the settings: open x: …"
//
// A Result is for what a caller may have to handle: a peer, a disk, a user. A bug of ours is a
// SAOLA_CHECK; exceptions unwind the user's handlers and tasks.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include <saola/base/check.hpp>

namespace saola {

// What kind of failure, so that a caller can branch; the text says the rest. http::status_for()
// maps each to an HTTP status, jobs_client::exit_of() to an exit status.
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

// A failure with its chain of causes. Immutable once made, so it may be read by several threads.
// Cheap to move; copying copies the text and shares the cause.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string text) : code_(code), text_(std::move(text)) {}

  ErrorCode code() const { return code_; }
  // What happened, why it matters, what to do: one or two sentences without a final newline.
  const std::string& text() const { return text_; }
  // The failure underneath, or null.
  const Error* cause() const { return cause_.get(); }
  // text() and every cause's text, joined by ": ", the outermost first. What logs show.
  std::string message() const;

  // The same failure seen from one level up: keeps the code, puts `text` in front and becomes its
  // cause. Uses this Error up.
  Error wrap(std::string text) &&;

 private:
  ErrorCode code_;
  std::string text_;
  // Shared because an Error is copied with the Result that holds it; the chain itself never
  // changes.
  std::shared_ptr<const Error> cause_;
};

// A T or an Error. Result<void> is the outcome of a call that has nothing to return but its
// success.
template <typename T>
using Result = std::expected<T, Error>;

// fail(): how a function that returns a Result says that it failed. There is no other spelling.
//
//   return fail(ErrorCode::kNotFound, "object '{}' does not exist", name);   // a failure found here
//   return fail(errno_error(errno, "open " + path));                         // an Error at hand
//   if (!size) return fail(size);                                            // another Result's
//   if (!size) return fail(std::move(size).error().wrap("no room for it"));  // …seen from here
//
// A failed Result is passed on as `fail(size)`, without std::move: what is copied is the text of an
// error, never a value. Inside a class with a member fail() write saola::fail().

// A failure found here, its text written by fmt. The format is checked when compiling; text from
// outside goes in as an argument, never as format.
template <typename... Args>
std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error(code, fmt::format(format, std::forward<Args>(args)...)));
}

// An Error at hand; move one that is not needed afterwards.
inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

// The failure of another Result, whatever value that would have held. REQUIRES: it failed.
template <typename T>
std::unexpected<Error> fail(const Result<T>& failed) {
  SAOLA_CHECK(!failed, "fail() of a Result that holds a value");
  return std::unexpected(failed.error());
}
template <typename T>
std::unexpected<Error> fail(Result<T>&& failed) {
  SAOLA_CHECK(!failed, "fail() of a Result that holds a value");
  return std::unexpected(std::move(failed).error());
}

// The failure of system call `what` ("open /tmp/x") with the given errno, as text "WHAT: No such
// file or directory". The code: ENOENT and ENOTDIR are kNotFound; EEXIST kAlreadyExists; EACCES,
// EPERM and EROFS kPermissionDenied; no space, memory or descriptors kResourceExhausted; ETIMEDOUT
// kTimedOut; ECANCELED kCancelled; ECONNRESET and EPIPE kClosed; ECONNREFUSED, an unreachable host
// or network and an address in use or not here kUnavailable; EINVAL and ENAMETOOLONG
// kInvalidArgument; EFBIG kTooLarge; all else kInternal.
Error errno_error(int error_number, std::string_view what);

}  // namespace saola
