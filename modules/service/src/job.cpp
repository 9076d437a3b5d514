#include <utility>

#include <saola/service/job.hpp>

namespace saola {

jobs::Outcome outcome_of(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kTooLarge:
    case ErrorCode::kUnsupported:
    case ErrorCode::kDataCorrupt:
      return jobs::Discard{error.message()};
    case ErrorCode::kCancelled:
      return jobs::Cancelled{};
    case ErrorCode::kConflict:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimedOut:
    case ErrorCode::kClosed:
    case ErrorCode::kInternal:
      return jobs::Retry{error.message()};
  }
  std::unreachable();
}

}  // namespace saola
