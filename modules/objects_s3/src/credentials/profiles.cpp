#include "credentials/profiles.hpp"

#include <fcntl.h>
#include <pwd.h>
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

std::string path_of(const char* variable, std::string_view file) {
  std::string path = environment(variable);
  const std::string home = home_directory();
  if (path.empty()) return home + "/.aws/" + std::string(file);
  if (path.starts_with("~/")) path.replace(0, 1, home);
  return path;
}

Result<Sections> read_sections(const std::string& path) {
  const auto text = read_small_file(path);
  if (text) return parse_sections(*text);
  if (text.error().code() == ErrorCode::kNotFound) return Sections();
  return fail(Error(ErrorCode::kUnauthenticated, text.error().message())
                  .wrap("the S3 credentials cannot be looked for"));
}

// "profile team" and "profile 'team'" of the config file are the profile team.
std::string profile_of_config(std::string_view section) {
  constexpr std::string_view kWord = "profile";
  if (!section.starts_with(kWord)) return std::string(section);
  const std::string_view rest = section.substr(kWord.size());
  if (rest.empty() || (rest[0] != ' ' && rest[0] != '\t')) return std::string(section);
  std::string_view name = trimmed(rest);
  if (name.size() >= 2 && (name[0] == '"' || name[0] == '\'') && name.back() == name[0]) {
    name = name.substr(1, name.size() - 2);
  }
  return std::string(name);
}

}  // namespace

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<std::string> read_small_file(const std::string& path) {
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return fail(errno_error(errno, fmt::format("open '{}'", path)));
  std::string text;
  char block[8192];
  for (;;) {
    const ssize_t n = ::read(fd.get(), block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno_error(errno, fmt::format("read '{}'", path)));
    if (n == 0) return text;
    text.append(block, static_cast<std::size_t>(n));
    if (text.size() > kMaxFile) {
      return fail(ErrorCode::kTooLarge, "'{}' is no credentials file: it is over 1 MiB", path);
    }
  }
}

Sections parse_sections(std::string_view text) {
  Sections sections;
  Profile* section = nullptr;
  std::string block;  // the key whose indented lines come now
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view raw = text.substr(0, end);
    const std::string_view line = trimmed(raw);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      section = &sections[std::string(trimmed(line.substr(1, line.find(']') - 1)))];
      block.clear();
      continue;
    }
    const std::size_t equals = line.find('=');
    if (section == nullptr || equals == std::string_view::npos) continue;
    const std::string key(trimmed(line.substr(0, equals)));
    const std::string value(trimmed(line.substr(equals + 1)));
    if (!block.empty() && (raw[0] == ' ' || raw[0] == '\t')) {
      (*section)[block + "." + key] = value;
      continue;
    }
    block = value.empty() ? key : "";
    (*section)[key] = value;
  }
  return sections;
}

bool ProfileFiles::has(std::string_view profile) const {
  return credentials.contains(profile) || config.contains(profile);
}

Profile ProfileFiles::merged(std::string_view profile) const {
  Profile out;
  if (const auto found = credentials.find(profile); found != credentials.end()) out = found->second;
  if (const auto found = config.find(profile); found != config.end()) {
    out.insert(found->second.begin(), found->second.end());
  }
  return out;
}

std::string ProfileFiles::service_value(std::string_view profile, std::string_view service,
                                        std::string_view key) const {
  const Profile values = merged(profile);
  const auto services = values.find("services");
  if (services == values.end()) return "";
  const auto section = config.find("services " + services->second);
  if (section == config.end()) return "";
  const auto value = section->second.find(fmt::format("{}.{}", service, key));
  return value == section->second.end() ? "" : value->second;
}

Result<ProfileFiles> read_profile_files() {
  ProfileFiles files;
  files.credentials_path = path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials");
  files.config_path = path_of("AWS_CONFIG_FILE", "config");
  auto credentials = read_sections(files.credentials_path);
  if (!credentials) return fail(credentials);
  auto config = read_sections(files.config_path);
  if (!config) return fail(config);
  files.credentials = *std::move(credentials);
  for (auto& [section, values] : *config) {
    files.config[profile_of_config(section)] = std::move(values);
  }
  return files;
}

std::string profile_in_use(const std::string& asked) {
  if (!asked.empty()) return asked;
  for (const char* name : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}) {
    if (std::string profile = environment(name); !profile.empty()) return profile;
  }
  return "default";
}

}  // namespace saola::objects_s3
