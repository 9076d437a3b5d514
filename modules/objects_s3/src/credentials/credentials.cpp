#include "credentials/credentials.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "credentials/credential_process.hpp"
#include "credentials/profiles.hpp"
#include "credentials/role_credentials.hpp"

namespace saola::objects_s3 {
namespace {

// Unset: this source is not there.
using Maybe = std::optional<Result<FoundCredentials>>;

// The longest that a source is waited for.
constexpr std::chrono::seconds kPatience(30);

std::unexpected<Error> unusable(std::string_view source, std::string_view why) {
  return fail(ErrorCode::kUnauthenticated, "the S3 credentials of {} cannot be used: {}", source,
              why);
}

Result<FoundCredentials> checked(S3Credentials credentials, std::string source,
                                 std::string_view id_name, std::string_view secret_name) {
  if (credentials.access_key_id.empty() != credentials.secret_access_key.empty()) {
    return fail(ErrorCode::kUnauthenticated,
                "the S3 credentials of {} are incomplete: {} is set, {} is not; set both", source,
                credentials.access_key_id.empty() ? secret_name : id_name,
                credentials.access_key_id.empty() ? id_name : secret_name);
  }
  return FoundCredentials{std::move(credentials), std::move(source)};
}

Maybe from_environment() {
  S3Credentials keys{.access_key_id = environment("AWS_ACCESS_KEY_ID"),
                     .secret_access_key = environment("AWS_SECRET_ACCESS_KEY"),
                     .session_token = environment("AWS_SESSION_TOKEN")};
  if (keys.session_token.empty()) keys.session_token = environment("AWS_SECURITY_TOKEN");
  if (keys.access_key_id.empty() && keys.secret_access_key.empty()) return std::nullopt;
  return checked(std::move(keys), "the environment", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
}

std::string value_of(const Profile& profile, std::string_view key) {
  const auto found = profile.find(key);
  return found == profile.end() ? "" : found->second;
}

// One search through the profile files.
class ProfileSearch {
 public:
  ProfileSearch(const S3Options& options, ProfileFiles files, Deadline deadline)
      : options_(options), files_(std::move(files)), deadline_(deadline) {}

  // What `name` says, in boto3's order. `with_environment`: a web identity of the environment counts
  // too, as it does for the profile in use unless it was named.
  Maybe keys_of(const std::string& name, bool with_environment) {
    visited_.insert(name);
    const Profile profile = files_.merged(name);
    const std::string where = fmt::format("profile '{}' of {}", name, files_.paths());
    if (auto role = role_of(profile, where)) return role;
    if (auto identity = web_identity_of(profile, with_environment)) return identity;
    for (const char* key : {"sso_session", "sso_start_url", "login_session"}) {
      if (!profile.contains(key)) continue;
      return unusable(where,
                      fmt::format("it signs in by a browser (SSO: {}), which Saola does not do; "
                                  "use a role, or credential_process = aws configure "
                                  "export-credentials --profile NAME",
                                  key));
    }
    if (auto keys = static_of(files_.credentials, name, files_.credentials_path)) return keys;
    if (auto process = process_of(profile, where)) return process;
    return static_of(files_.config, name, files_.config_path);
  }

  const ProfileFiles& files() const { return files_; }

 private:
  static Maybe static_of(const Sections& sections, const std::string& name,
                         const std::string& path) {
    const auto section = sections.find(name);
    if (section == sections.end()) return std::nullopt;
    S3Credentials keys{.access_key_id = value_of(section->second, "aws_access_key_id"),
                       .secret_access_key = value_of(section->second, "aws_secret_access_key"),
                       .session_token = value_of(section->second, "aws_session_token")};
    if (keys.session_token.empty()) {
      keys.session_token = value_of(section->second, "aws_security_token");
    }
    if (keys.access_key_id.empty() && keys.secret_access_key.empty()) return std::nullopt;
    return checked(std::move(keys), fmt::format("profile '{}' of {}", name, path),
                   "aws_access_key_id", "aws_secret_access_key");
  }

  StsRole sts_role(const Profile& profile, std::string arn, std::string session) const {
    const std::string name = profile_in_use(options_.profile);
    StsRole role{.region = region_in_use(options_),
                 .ca_file = options_.ca_file,
                 .arn = std::move(arn),
                 .session_name = std::move(session),
                 .external_id = value_of(profile, "external_id"),
                 .duration_seconds = value_of(profile, "duration_seconds")};
    for (std::string found : {environment("AWS_ENDPOINT_URL_STS"), environment("AWS_ENDPOINT_URL"),
                              files_.service_value(name, "sts", "endpoint_url"),
                              value_of(files_.merged(name), "endpoint_url")}) {
      if (role.endpoint.empty()) role.endpoint = std::move(found);
    }
    return role;
  }

  // role_arn with source_profile or credential_source.
  Maybe role_of(const Profile& profile, const std::string& where) {
    const std::string arn = value_of(profile, "role_arn");
    if (arn.empty() || profile.contains("web_identity_token_file")) return std::nullopt;
    const std::string from_profile = value_of(profile, "source_profile");
    const std::string from_source = value_of(profile, "credential_source");
    if (profile.contains("mfa_serial")) {
      return unusable(where,
                      "its role asks for a code of a device (mfa_serial), and nobody is here");
    }
    if (from_profile.empty() == from_source.empty()) {
      return unusable(where, "role_arn needs one of source_profile and credential_source");
    }
    const Maybe by =
        from_profile.empty() ? named_source(from_source) : source_profile(from_profile);
    if (!by) {
      return unusable(where,
                      fmt::format("{} '{}' has no keys",
                                  from_profile.empty() ? "credential_source" : "source_profile",
                                  from_profile.empty() ? from_source : from_profile));
    }
    if (!*by) return fail(Error(by->error()).wrap(where));
    return assume_role(sts_role(profile, arn, value_of(profile, "role_session_name")),
                       *(*by)->credentials, deadline_);
  }

  Maybe source_profile(const std::string& name) {
    const std::string where = fmt::format("profile '{}' of {}", name, files_.paths());
    if (!files_.has(name)) return unusable(where, "there is no such profile");
    if (visited_.contains(name)) {
      // A profile may be its own source: then its keys count.
      if (auto keys = static_of(files_.credentials, name, files_.credentials_path)) return keys;
      if (auto keys = static_of(files_.config, name, files_.config_path)) return keys;
      return unusable(where, "its source_profile leads back to it");
    }
    return keys_of(name, false);
  }

  Maybe named_source(const std::string& source) const {
    if (source == "Environment") return from_environment();
    if (source == "EcsContainer") return container_credentials(deadline_);
    if (source == "Ec2InstanceMetadata") return instance_credentials(deadline_);
    return unusable("credential_source",
                    fmt::format("'{}' is none of Environment, EcsContainer and "
                                "Ec2InstanceMetadata",
                                source));
  }

  Maybe web_identity_of(const Profile& profile, bool with_environment) const {
    std::string file;
    std::string arn;
    std::string session;
    if (with_environment) {
      file = environment("AWS_WEB_IDENTITY_TOKEN_FILE");
      arn = environment("AWS_ROLE_ARN");
      session = environment("AWS_ROLE_SESSION_NAME");
    }
    if (file.empty()) file = value_of(profile, "web_identity_token_file");
    if (file.empty()) return std::nullopt;
    if (arn.empty()) arn = value_of(profile, "role_arn");
    if (session.empty()) session = value_of(profile, "role_session_name");
    if (arn.empty()) {
      return unusable("a web identity",
                      fmt::format("there is a token file ({}) and no role: set AWS_ROLE_ARN or "
                                  "role_arn",
                                  file));
    }
    return assume_role_with_web_identity(sts_role(profile, arn, session), file, deadline_);
  }

  Maybe process_of(const Profile& profile, const std::string& where) const {
    const std::string command = value_of(profile, "credential_process");
    if (command.empty()) return std::nullopt;
    const std::string source = "the credential_process of " + where;
    const auto words = words_of(command);
    if (!words || words->empty()) return unusable(source, "a quote in it is not closed");
    const auto output = run_credential_process(*words, deadline_);
    if (!output) {
      return fail(ErrorCode::kUnavailable, "{} gave no S3 credentials: {}", source,
                  output.error().message());
    }
    return keys_of_json(*output, source);
  }

  const S3Options& options_;
  const ProfileFiles files_;
  const Deadline deadline_;
  std::set<std::string> visited_;
};

Result<FoundCredentials> from_profile(const S3Options& options, Deadline deadline) {
  const std::string name = profile_in_use(options.profile);
  auto files = read_profile_files();
  if (!files) return fail(files);
  ProfileSearch search(options, *std::move(files), deadline);
  if (auto keys = search.keys_of(name, false)) return *std::move(keys);
  return fail(ErrorCode::kUnauthenticated,
              "there are no S3 credentials in profile '{}' of {}: it needs aws_access_key_id and "
              "aws_secret_access_key, a role or a credential_process",
              name, search.files().paths());
}

// What boto3 would read as well, where it is there: nobody is to wonder why it does not count.
std::string not_read() {
  std::vector<std::string> seen;
  for (const char* name : {"AWS_CREDENTIAL_FILE", "BOTO_CONFIG"}) {
    if (!environment(name).empty()) seen.emplace_back(name);
  }
  for (const std::string& path : {environment("HOME") + "/.boto", std::string("/etc/boto.cfg")}) {
    if (::access(path.c_str(), F_OK) == 0) seen.push_back(path);
  }
  if (seen.empty()) return "";
  return fmt::format(
      ". There is {}, which is not read: copy its keys to the profile (~/.aws/credentials)",
      fmt::join(seen, " and "));
}

Result<FoundCredentials> from_chain(const S3Options& options, Deadline deadline) {
  if (auto keys = from_environment()) return *std::move(keys);
  const std::string name = profile_in_use(options.profile);
  auto files = read_profile_files();
  if (!files) return fail(files);
  if (name != "default" && !files->has(name)) {
    return fail(ErrorCode::kUnauthenticated,
                "there are no S3 credentials in profile '{}': it is neither in {} nor in {}", name,
                files->credentials_path, files->config_path);
  }
  ProfileSearch search(options, *std::move(files), deadline);
  if (auto keys = search.keys_of(name, true)) return *std::move(keys);
  if (auto keys = container_credentials(deadline)) return *std::move(keys);
  if (auto keys = instance_credentials(deadline)) return *std::move(keys);
  return fail(
      ErrorCode::kUnauthenticated,
      "no S3 credentials were found: not in the environment, not in profile '{}' of {}, and "
      "neither a web identity, a container nor an instance gives a role. Set "
      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write the profile, or ask for "
      "anonymous access{}",
      name, search.files().paths(), not_read());
}

// What `key` of the environment or the profile in use says of something that is no secret.
std::string from_profile_in_use(const S3Options& options, std::string_view key) {
  const auto files = read_profile_files();
  if (!files) return "";
  const std::string name = profile_in_use(options.profile);
  if (key == "endpoint_url") {
    if (std::string own = files->service_value(name, "s3", key); !own.empty()) return own;
  }
  return value_of(files->merged(name), key);
}

}  // namespace

std::string region_in_use(const S3Options& options) {
  if (!options.region.empty()) return options.region;
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (std::string region = environment(name); !region.empty()) return region;
  }
  std::string region = from_profile_in_use(options, "region");
  return region.empty() ? "us-east-1" : region;
}

std::string endpoint_in_use(const S3Options& options) {
  if (!options.endpoint.empty()) return options.endpoint;
  if (environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == "true") return "";
  for (const char* name : {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}) {
    if (std::string endpoint = environment(name); !endpoint.empty()) return endpoint;
  }
  return from_profile_in_use(options, "endpoint_url");
}

Result<FoundCredentials> find_credentials(const S3Options& options, Deadline deadline) {
  deadline = min(deadline, Deadline::after(kPatience));
  switch (options.credential_source) {
    case S3CredentialSource::kAnonymous:
      return FoundCredentials{std::nullopt, "nobody (anonymous access)"};
    case S3CredentialSource::kExplicit: {
      auto found = checked(options.credentials, "the configuration", "the access key id",
                           "the secret access key");
      if (found && found->credentials->access_key_id.empty()) {
        return fail(ErrorCode::kUnauthenticated,
                    "the configuration gives no S3 credentials: set the access key id and the "
                    "secret access key");
      }
      return found;
    }
    case S3CredentialSource::kEnvironment: {
      if (auto keys = from_environment()) return *std::move(keys);
      return fail(ErrorCode::kUnauthenticated,
                  "there are no S3 credentials in the environment: set AWS_ACCESS_KEY_ID and "
                  "AWS_SECRET_ACCESS_KEY");
    }
    case S3CredentialSource::kProfile:
      return from_profile(options, deadline);
    case S3CredentialSource::kChain:
      return from_chain(options, deadline);
  }
  std::unreachable();
}

}  // namespace saola::objects_s3
