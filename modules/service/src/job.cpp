#include <utility>

#include <saola/service/job.hpp>

namespace saola {

Result<std::string> Job::download(std::string_view name, std::uint64_t max_bytes) const {
  auto object = objects::ObjectName::parse(name);
  if (!object) return fail(object);
  objects::GetOptions options;
  options.deadline = deadline();
  options.stop = stop_token();
  return objects_.get_bytes(*object, max_bytes, options);
}

Result<void> Job::upload(std::string_view name, std::string_view bytes) const {
  auto object = objects::ObjectName::parse(name);
  if (!object) return fail(object);
  const auto stored =
      objects_.put_bytes(*object, bytes, {.deadline = deadline(), .stop = stop_token()});
  if (!stored) return fail(stored);
  return {};
}

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
