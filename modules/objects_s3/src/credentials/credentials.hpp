// Where keys come from, in boto3's order: the environment, roles and web identity, the profile files,
// a container's agent, an instance's metadata.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/objects_s3/s3_store.hpp>

namespace saola::objects_s3 {

struct FoundCredentials {
  // Unset: requests go unsigned.
  std::optional<S3Credentials> credentials;
  // For messages, never with a key in it: "the environment", "profile 'x' of /path".
  std::string source;
  // Asking again costs a request or a process, so they are kept until shortly before they expire.
  bool keep = false;
  std::optional<SystemTime> expires = std::nullopt;
};

// Looks anew at each call, and asks whom it has to. kUnauthenticated says what is missing and where,
// or why a source that was seen cannot be used; kUnavailable: one cannot be asked now.
Result<FoundCredentials> find_credentials(const S3Options& options, Deadline deadline);

// The region and endpoint: of the options, the environment, the profile in use. The endpoint is empty
// when nobody names one.
std::string region_in_use(const S3Options& options);
std::string endpoint_in_use(const S3Options& options);

// find_credentials() that keeps what may be kept, and replaces it before it expires. Thread-safe.
class KeptCredentials {
 public:
  // Both must outlive it.
  explicit KeptCredentials(const S3Options& options, const Clock& clock = real_clock())
      : options_(options), clock_(clock) {}

  Result<FoundCredentials> get(Deadline deadline);
  // The endpoint says that `used` have expired. True: others may be had.
  bool expired(const S3Credentials& used);

 private:
  Result<FoundCredentials> renewed(Deadline deadline);
  std::optional<FoundCredentials> still_good();

  const S3Options& options_;
  const Clock& clock_;
  // Held while others are asked; before mutex_.
  std::mutex asking_;
  std::mutex mutex_;
  // Guarded by mutex_: what is kept, and when it is to be replaced.
  std::optional<FoundCredentials> kept_;
  SystemTime renew_at_{};
};

}  // namespace saola::objects_s3
