#include "process/privileges.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include <fmt/core.h>

#include <saola/server/server_settings.hpp>

namespace saola::server {
namespace {

std::optional<unsigned> number(const std::string& text) {
  unsigned id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

// A user by name or number, with its group; `flag` is what names it.
Result<Privileges> find_user(std::string_view flag, const std::string& user) {
  const auto id = number(user);
  const passwd* entry = id ? ::getpwuid(*id) : ::getpwnam(user.c_str());
  if (entry != nullptr) return Privileges{entry->pw_uid, entry->pw_gid, entry->pw_name};
  if (id) return Privileges{.user = *id};
  return fail(ErrorCode::kNotFound, "--{}: there is no user '{}' on this machine", flag, user);
}

Result<gid_t> find_group(std::string_view flag, const std::string& group) {
  const auto id = number(group);
  const ::group* entry = id ? ::getgrgid(*id) : ::getgrnam(group.c_str());
  if (entry != nullptr) return entry->gr_gid;
  if (id) return *id;
  return fail(ErrorCode::kNotFound, "--{}: there is no group '{}' on this machine", flag, group);
}

mode_t octal(const std::string& text) {
  return static_cast<mode_t>(std::strtoul(text.c_str(), nullptr, 8));
}

}  // namespace

Result<Privileges> find_privileges(const std::string& user, const std::string& group) {
  Privileges out;
  if (!user.empty()) {
    auto found = find_user(setting::kUser.key, user);
    if (!found) return fail(found);
    out = *found;
  }
  if (!group.empty()) {
    auto found = find_group(setting::kGroup.key, group);
    if (!found) return fail(found);
    out.group = *found;
  }
  const bool changes =
      (out.user && *out.user != ::getuid()) || (out.group && *out.group != ::getgid());
  if (changes && ::geteuid() != 0) {
    return fail(ErrorCode::kPermissionDenied,
                "--user and --group: only root can run workers as somebody else; start the server "
                "as root or leave them out");
  }
  return out;
}

Result<SocketAccess> socket_access(const Settings& settings) {
  auto workers = find_privileges(settings.get(setting::kUser), settings.get(setting::kGroup));
  if (!workers) return fail(workers);
  SocketAccess out{octal(settings.get(setting::kSocketMode)), workers->user, workers->group};
  if (const std::string& user = settings.get(setting::kSocketUser); !user.empty()) {
    auto found = find_user(setting::kSocketUser.key, user);
    if (!found) return fail(found);
    out.user = found->user;
  }
  if (const std::string& group = settings.get(setting::kSocketGroup); !group.empty()) {
    auto found = find_group(setting::kSocketGroup.key, group);
    if (!found) return fail(found);
    out.group = *found;
  }
  return out;
}

void set_umask(const Settings& settings) {
  ::umask(octal(settings.get(setting::kUmask)));
}

Result<void> drop_privileges(const Privileges& privileges) {
  if (::geteuid() != 0) return {};
  if (privileges.group) {
    const int groups = privileges.user_name.empty()
                           ? ::setgroups(0, nullptr)
                           : ::initgroups(privileges.user_name.c_str(), *privileges.group);
    if (groups != 0 || ::setgid(*privileges.group) != 0) {
      return fail(errno_error(errno, "setgid"));
    }
  }
  if (privileges.user && ::setuid(*privileges.user) != 0) {
    return fail(errno_error(errno, "setuid"));
  }
  return {};
}

}  // namespace saola::server
