#include <cerrno>
#include <system_error>

#include <saola/base/error.hpp>

namespace saola {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kAlreadyExists:
      return "already_exists";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kPermissionDenied:
      return "permission_denied";
    case ErrorCode::kUnauthenticated:
      return "unauthenticated";
    case ErrorCode::kResourceExhausted:
      return "resource_exhausted";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kTimedOut:
      return "timed_out";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kTooLarge:
      return "too_large";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kDataCorrupt:
      return "data_corrupt";
    case ErrorCode::kClosed:
      return "closed";
    case ErrorCode::kInternal:
      return "internal";
  }
  std::unreachable();
}

std::string Error::message() const {
  std::string out = text_;
  for (const Error* e = cause(); e != nullptr; e = e->cause()) {
    out += ": ";
    out += e->text();
  }
  return out;
}

Error Error::wrap(std::string text) && {
  Error outer(code_, std::move(text));
  outer.cause_ = std::make_shared<const Error>(std::move(*this));
  return outer;
}

namespace {

ErrorCode code_of_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ErrorCode::kResourceExhausted;
    case ETIMEDOUT:
      return ErrorCode::kTimedOut;
    case ECANCELED:
      return ErrorCode::kCancelled;
    case ECONNRESET:
    case EPIPE:
      return ErrorCode::kClosed;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRINUSE:
    case EADDRNOTAVAIL:
      return ErrorCode::kUnavailable;
    case EINVAL:
    case ENAMETOOLONG:
      return ErrorCode::kInvalidArgument;
    case EFBIG:
      return ErrorCode::kTooLarge;
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace

Error errno_error(int error_number, std::string_view what) {
  return Error(code_of_errno(error_number),
               fmt::format("{}: {}", what, std::system_category().message(error_number)));
}

}  // namespace saola
