// The files that boto3, the AWS CLI and others share: ~/.aws/credentials and ~/.aws/config.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>

namespace saola::objects_s3 {

// Keys and values of a section. A value that is a block of indented lines gives "KEY.INNER" for each.
using Profile = std::map<std::string, std::string, std::less<>>;
// By section, as it is spelled: "default", "profile team", "services local".
using Sections = std::map<std::string, Profile, std::less<>>;

Sections parse_sections(std::string_view text);

struct ProfileFiles {
  std::string credentials_path;
  std::string config_path;
  // Of each profile what its section in that file has.
  Sections credentials;
  Sections config;

  bool has(std::string_view profile) const;
  // Both sections of a profile; what the credentials file says wins, as in boto3.
  Profile merged(std::string_view profile) const;
  // The `key` of the services section that a profile names, for the service `service`.
  std::string service_value(std::string_view profile, std::string_view service,
                            std::string_view key) const;
  // "PATH and PATH", for messages.
  std::string paths() const { return credentials_path + " and " + config_path; }
};

// Reads AWS_SHARED_CREDENTIALS_FILE (else ~/.aws/credentials) and AWS_CONFIG_FILE (else
// ~/.aws/config) anew. A file that is not there is empty; kUnauthenticated for one that cannot be
// read.
Result<ProfileFiles> read_profile_files();

// The profile in use: `asked`, else AWS_PROFILE, AWS_DEFAULT_PROFILE, "default".
std::string profile_in_use(const std::string& asked);

// The environment variable's value; empty when it is not set.
std::string environment(const char* name);

// At most 1 MiB.
Result<std::string> read_small_file(const std::string& path);

}  // namespace saola::objects_s3
