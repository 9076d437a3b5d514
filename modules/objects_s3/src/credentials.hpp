// Where keys come from: the environment, a profile of the shared credentials file, the options.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/objects_s3/s3_store.hpp>

namespace saola::objects_s3 {

struct FoundCredentials {
  // Unset: requests go unsigned.
  std::optional<S3Credentials> credentials;
  // For messages, never with a key in it: "the environment", "profile 'x' of /path".
  std::string source;
};

// Reads the source anew at each call. kUnauthenticated says what is missing and where.
Result<FoundCredentials> find_credentials(const S3Options& options);

// The keys in section [profile] of a credentials file's text; unset when there is no such section.
// A key that is not there is empty.
std::optional<S3Credentials> profile_credentials(std::string_view text, std::string_view profile);

// The environment variable's value; empty when it is not set.
std::string environment(const char* name);

}  // namespace saola::objects_s3
