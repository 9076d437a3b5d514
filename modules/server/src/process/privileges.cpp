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

}  // namespace

Result<Privileges> find_privileges(const std::string& user, const std::string& group) {
  Privileges out;
  if (!user.empty()) {
    const auto id = number(user);
    const passwd* entry = id ? ::getpwuid(*id) : ::getpwnam(user.c_str());
    if (entry == nullptr && !id) {
      return fail(ErrorCode::kNotFound, "--user: there is no user '{}' on this machine", user);
    }
    out.user = entry != nullptr ? entry->pw_uid : *id;
    if (entry != nullptr) {
      out.user_name = entry->pw_name;
      out.group = entry->pw_gid;
    }
  }
  if (!group.empty()) {
    const auto id = number(group);
    const ::group* entry = id ? ::getgrgid(*id) : ::getgrnam(group.c_str());
    if (entry == nullptr && !id) {
      return fail(ErrorCode::kNotFound, "--group: there is no group '{}' on this machine", group);
    }
    out.group = entry != nullptr ? entry->gr_gid : *id;
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

void set_umask(const Settings& settings) {
  ::umask(static_cast<mode_t>(std::strtoul(settings.get(setting::kUmask).c_str(), nullptr, 8)));
}

Result<void> drop_privileges(const Privileges& privileges) {
  if (::geteuid() != 0) return {};
  if (privileges.group) {
    const int groups = privileges.user_name.empty()
                           ? ::setgroups(0, nullptr)
                           : ::initgroups(privileges.user_name.c_str(), *privileges.group);
    if (groups != 0 || ::setgid(*privileges.group) != 0) {
      return std::unexpected(errno_error(errno, "setgid"));
    }
  }
  if (privileges.user && ::setuid(*privileges.user) != 0) {
    return std::unexpected(errno_error(errno, "setuid"));
  }
  return {};
}

}  // namespace saola::server
