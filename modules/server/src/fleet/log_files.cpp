#include "fleet/log_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <fmt/core.h>

#include <saola/base/log.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/server/server_settings.hpp>

namespace saola::server {

void give_to_workers(const std::string& path, const Privileges& privileges) {
  if (!privileges.user && !privileges.group) return;
  if (::chown(path.c_str(), privileges.user.value_or(static_cast<uid_t>(-1)),
              privileges.group.value_or(static_cast<gid_t>(-1))) != 0) {
    log_warning(fmt::format("{} cannot be given to the workers' user", path));
  }
}

Result<void> make_state_directory(const Settings& settings, const Privileges& privileges) {
  std::error_code error;
  const std::string& path = settings.get(setting::kStateDir);
  // Nobody else may write there, whatever --umask says: the job store refuses such a place.
  const mode_t before = ::umask(0);
  ::umask(before | 022);
  const bool made = std::filesystem::create_directories(path, error);
  ::umask(before);
  if (error) {
    return fail(ErrorCode::kPermissionDenied,
                "the state directory {} cannot be made: {}; choose another --state-dir", path,
                error.message());
  }
  if (made) give_to_workers(path, privileges);
  return {};
}

Result<void> open_log_files(const Settings& settings) {
  auto privileges = find_privileges(settings.get(setting::kUser), settings.get(setting::kGroup));
  if (!privileges) return std::unexpected(privileges.error());
  for (const auto& setting : {setting::kLogFile, setting::kAccessLog}) {
    const std::string& path = settings.get(setting);
    if (path.empty() || path == "-") continue;
    const unique_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!file)
      return std::unexpected(
          errno_error(errno, fmt::format("cannot open --{} {}", setting.key, path)));
    give_to_workers(path, *privileges);
  }
  return {};
}

}  // namespace saola::server
