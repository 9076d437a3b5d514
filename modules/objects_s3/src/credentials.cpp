#include "credentials.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include <saola/base/unique_fd.hpp>

namespace saola::objects_s3 {
namespace {

constexpr std::size_t kMaxFile = 1024 * 1024;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string home_directory() {
  if (std::string home = environment("HOME"); !home.empty()) return home;
  char buffer[4096];
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr) {
    return found->pw_dir;
  }
  return "";
}

Result<std::string> small_file(const std::string& path) {
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return std::unexpected(errno_error(errno, fmt::format("open '{}'", path)));
  std::string text;
  char block[8192];
  for (;;) {
    const ssize_t n = ::read(fd.get(), block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(errno_error(errno, fmt::format("read '{}'", path)));
    if (n == 0) return text;
    text.append(block, static_cast<std::size_t>(n));
    if (text.size() > kMaxFile) {
      return fail(ErrorCode::kTooLarge, "'{}' is no credentials file: it is over 1 MiB", path);
    }
  }
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

Result<FoundCredentials> from_environment() {
  return checked({.access_key_id = environment("AWS_ACCESS_KEY_ID"),
                  .secret_access_key = environment("AWS_SECRET_ACCESS_KEY"),
                  .session_token = environment("AWS_SESSION_TOKEN")},
                 "the environment", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
}

Result<FoundCredentials> from_profile(const S3Options& options) {
  std::string profile = options.profile.empty() ? environment("AWS_PROFILE") : options.profile;
  if (profile.empty()) profile = "default";
  std::string path = environment("AWS_SHARED_CREDENTIALS_FILE");
  if (path.empty()) path = home_directory() + "/.aws/credentials";
  const std::string source = fmt::format("profile '{}' of {}", profile, path);
  auto text = small_file(path);
  if (!text) {
    return std::unexpected(Error(ErrorCode::kUnauthenticated, std::move(text).error().message())
                               .wrap("the S3 credentials cannot be read from " + source));
  }
  auto found = profile_credentials(*text, profile);
  if (!found || (found->access_key_id.empty() && found->secret_access_key.empty())) {
    return fail(ErrorCode::kUnauthenticated,
                "there are no S3 credentials in {}: it needs aws_access_key_id and "
                "aws_secret_access_key",
                source);
  }
  return checked(std::move(*found), source, "aws_access_key_id", "aws_secret_access_key");
}

bool has_keys(const Result<FoundCredentials>& found) {
  return found && !found->credentials->access_key_id.empty();
}

}  // namespace

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::optional<S3Credentials> profile_credentials(std::string_view text, std::string_view profile) {
  std::optional<S3Credentials> found;
  bool in_profile = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      in_profile = trimmed(line.substr(1, line.find(']') - 1)) == profile;
      if (in_profile && !found) found.emplace();
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!in_profile || equals == std::string_view::npos) continue;
    const std::string_view key = trimmed(line.substr(0, equals));
    const std::string_view value = trimmed(line.substr(equals + 1));
    if (key == "aws_access_key_id") found->access_key_id = value;
    if (key == "aws_secret_access_key") found->secret_access_key = value;
    if (key == "aws_session_token") found->session_token = value;
  }
  return found;
}

Result<FoundCredentials> find_credentials(const S3Options& options) {
  switch (options.credential_source) {
    case S3CredentialSource::kAnonymous:
      return FoundCredentials{std::nullopt, "nobody (anonymous access)"};
    case S3CredentialSource::kExplicit: {
      auto found = checked(options.credentials, "the configuration", "the access key id",
                           "the secret access key");
      if (found && !has_keys(found)) {
        return fail(ErrorCode::kUnauthenticated,
                    "the configuration gives no S3 credentials: set the access key id and the "
                    "secret access key");
      }
      return found;
    }
    case S3CredentialSource::kEnvironment: {
      auto found = from_environment();
      if (found && !has_keys(found)) {
        return fail(ErrorCode::kUnauthenticated,
                    "there are no S3 credentials in the environment: set AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY");
      }
      return found;
    }
    case S3CredentialSource::kProfile:
      return from_profile(options);
    case S3CredentialSource::kChain: {
      auto found = from_environment();
      if (!found || has_keys(found)) return found;
      auto profile = from_profile(options);
      if (profile) return profile;
      return fail(ErrorCode::kUnauthenticated,
                  "no S3 credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                  "or write a profile ({}), or ask for anonymous access",
                  profile.error().message());
    }
  }
  std::unreachable();
}

}  // namespace saola::objects_s3
