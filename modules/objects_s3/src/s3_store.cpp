#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <saola/base/log.hpp>
#include <saola/objects_s3/s3_store.hpp>

#include "credentials/credentials.hpp"
#include "operations.hpp"

namespace saola::objects_s3 {

struct S3Store::Inside {
  Inside(S3Options options, Endpoint endpoint) : shared(std::move(options), std::move(endpoint)) {}
  DriverShared shared;
};

S3Store::S3Store(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
S3Store::~S3Store() = default;

Result<std::unique_ptr<S3Store>> S3Store::open(S3Options options) {
  const auto wrong = [](std::string_view option, std::string_view allowed) {
    return fail(ErrorCode::kInvalidArgument, "the S3 option {} must be {}", option, allowed);
  };
  constexpr std::chrono::milliseconds kZero{0};
  if (options.part_size < 1 || options.part_size > 1024 * 1024 * 1024) {
    return wrong("part_size", "from 1 byte to 1 GiB");
  }
  if (options.parallel < 1 || options.parallel > 256) return wrong("parallel", "from 1 to 256");
  if (options.attempts < 1 || options.attempts > 100) return wrong("attempts", "from 1 to 100");
  if (options.connect_timeout <= kZero) return wrong("connect_timeout", "more than zero");
  if (options.low_speed_time <= kZero) return wrong("low_speed_time", "more than zero");
  if (options.retry_base_delay < kZero) return wrong("retry_base_delay", "zero or more");
  if (options.retry_max_delay < kZero) return wrong("retry_max_delay", "zero or more");
  if (!options.bucket.empty()) {
    if (auto ok = objects::check_bucket_name(options.bucket); !ok) {
      return fail(ok);
    }
  }
  if (!options.ca_file.empty() && ::access(options.ca_file.c_str(), R_OK) != 0) {
    return fail(
        errno_error(errno, fmt::format("the CA file '{}' cannot be read", options.ca_file)));
  }
  auto endpoint = Endpoint::make(options);
  if (!endpoint) return fail(endpoint);
  if (auto found = find_credentials(options, Deadline::never()); !found) {
    if (found.error().code() != ErrorCode::kUnavailable) {
      return fail(found);
    }
    log_warning("S3 credentials cannot be had yet; they are asked for again when they are needed",
                {{"error", found.error().message()}});
  }
  return std::unique_ptr<S3Store>(
      new S3Store(std::make_unique<Inside>(std::move(options), std::move(*endpoint))));
}

Result<objects::ObjectInfo> S3Store::stat(const objects::ObjectName& name,
                                          const objects::CallOptions& options) {
  Driver driver(inside_->shared, name, options, "looking up " + name.to_string());
  return head_object(driver, name);
}

Result<objects::ObjectInfo> S3Store::get(const objects::ObjectName& name,
                                         const objects::ByteSink& sink,
                                         const objects::GetOptions& options) {
  return download(inside_->shared, name, sink, options);
}

Result<objects::ObjectInfo> S3Store::put(const objects::ObjectName& name,
                                         const objects::ByteSource& source,
                                         const objects::CallOptions& options) {
  return upload(inside_->shared, name, source, options);
}

Result<void> S3Store::remove(const objects::ObjectName& name, const objects::CallOptions& options) {
  return remove_object(inside_->shared, name, options);
}

Result<void> S3Store::clear_unfinished(const objects::ObjectName& beginning,
                                       const objects::CallOptions& options) {
  return abort_uploads(inside_->shared, beginning, options);
}

}  // namespace saola::objects_s3
