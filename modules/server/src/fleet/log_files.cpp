#include "fleet/log_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include <saola/base/log.hpp>
#include <saola/base/trusted_path.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/server/server_settings.hpp>

namespace saola::server {

void give_to_workers(int file, const std::string& path, const Privileges& privileges) {
  if (!privileges.user && !privileges.group) return;
  if (::fchown(file, privileges.user.value_or(static_cast<uid_t>(-1)),
               privileges.group.value_or(static_cast<gid_t>(-1))) != 0) {
    log_warning(fmt::format("{} cannot be given to the workers' user", path));
  }
}

Result<void> make_state_directory(const Settings& settings, const Privileges& privileges) {
  const std::string& path = settings.get(setting::kStateDir);
  // Nobody else may write there, whatever --umask says: the job store refuses such a place.
  const mode_t before = ::umask(0);
  ::umask(before | 022);
  const auto made = make_folders(path);
  ::umask(before);
  if (!made) {
    return fail(made.error().code(),
                "the state directory cannot be made: {}; choose another --state-dir",
                made.error().message());
  }
  if (!*made) return {};
  const auto place = find_place(path);
  if (!place) return fail(place);
  const unique_fd folder(::openat(place->folder.get(), place->name.c_str(),
                                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return fail(errno_error(errno, path));
  give_to_workers(folder.get(), path, privileges);
  return {};
}

Result<void> open_log_files(const Settings& settings) {
  auto privileges = find_privileges(settings.get(setting::kUser), settings.get(setting::kGroup));
  if (!privileges) return fail(privileges);
  for (const auto& setting : {setting::kLogFile, setting::kAccessLog}) {
    const std::string& path = settings.get(setting);
    if (path.empty() || path == "-") continue;
    const auto file = open_to_append(path);
    if (!file) {
      return fail(Error(file.error()).wrap(fmt::format("cannot open --{}", setting.key)));
    }
    // Not /dev/null and what else is nobody's.
    struct stat info{};
    if (::fstat(file->get(), &info) == 0 && S_ISREG(info.st_mode)) {
      give_to_workers(file->get(), path, *privileges);
    }
  }
  return {};
}

}  // namespace saola::server
