// Temporary keys of a role: from a container's agent, an instance's metadata, or STS.
#pragma once

#include <optional>
#include <string>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>

#include "credentials/credentials.hpp"

namespace saola::objects_s3 {

// Reads {"AccessKeyId", "SecretAccessKey", "Token" or "SessionToken", "Expiration"}, as agents,
// metadata and credential processes give them.
Result<FoundCredentials> keys_of_json(std::string_view text, std::string source);

// Of a container (ECS, EKS Pod Identity): AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with
// AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN. Unset where neither
// is there.
std::optional<Result<FoundCredentials>> container_credentials(Deadline deadline);

// Of an instance (IMDSv2), at AWS_EC2_METADATA_SERVICE_ENDPOINT or the link-local address. Unset
// where AWS_EC2_METADATA_DISABLED says so, nobody answers there, or the instance has no role.
std::optional<Result<FoundCredentials>> instance_credentials(Deadline deadline);

struct StsRole {
  std::string endpoint;  // empty: Amazon's of the region
  std::string region;
  std::string ca_file;
  std::string arn;
  std::string session_name;  // empty: one is made
  std::string external_id;
  std::string duration_seconds;
};
// AssumeRoleWithWebIdentity, with the token that is in `token_file` now.
Result<FoundCredentials> assume_role_with_web_identity(const StsRole& role,
                                                       const std::string& token_file,
                                                       Deadline deadline);
// AssumeRole, signed with `by`.
Result<FoundCredentials> assume_role(const StsRole& role, const S3Credentials& by,
                                     Deadline deadline);

}  // namespace saola::objects_s3
