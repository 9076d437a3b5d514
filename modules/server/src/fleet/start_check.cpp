#include "fleet/start_check.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include <fmt/core.h>

#include <saola/http_conn/tls.hpp>
#include <saola/server/server_settings.hpp>

#include "files/socket_file.hpp"
#include "process/privileges.hpp"
#include "settings/bind_address.hpp"

namespace saola::server {
namespace {

namespace fs = std::filesystem;

// Relative paths are those of a server that has changed to --chdir.
fs::path place(const Settings& settings, const std::string& path) {
  return fs::path(settings.get(setting::kChdir)) / path;
}

Result<void> may_write(const fs::path& path, std::string_view flag) {
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0) return {};
  return fail(errno_error(errno, fmt::format("--{}: cannot write {}", flag, path.string())));
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// A file that is written, or made in a folder that is there.
Result<void> check_file(const fs::path& path, std::string_view flag) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) {
    return fail(ErrorCode::kInvalidArgument, "--{}: {} is a directory", flag, path.string());
  }
  if (fs::exists(status)) return may_write(path, flag);
  const fs::path folder = folder_of(path);
  if (!fs::is_directory(folder, error)) {
    return fail(ErrorCode::kNotFound, "--{}: {} is no directory", flag, folder.string());
  }
  return may_write(folder, flag);
}

// A folder that is written to, or made with those above it.
Result<void> check_folder(fs::path path, std::string_view flag) {
  std::error_code error;
  while (!fs::exists(path, error) && path.has_parent_path() && path != path.root_path()) {
    path = path.parent_path();
  }
  if (path.empty() || !fs::exists(path, error)) path = ".";
  if (!fs::is_directory(path, error)) {
    return fail(ErrorCode::kInvalidArgument, "--{}: {} is no directory", flag, path.string());
  }
  return may_write(path, flag);
}

}  // namespace

Result<void> check_start(const Settings& settings) {
  if (auto found = socket_access(settings); !found) return fail(found);
  const std::string& folder = settings.get(setting::kChdir);
  std::error_code error;
  if (!folder.empty() && !fs::is_directory(folder, error)) {
    return fail(ErrorCode::kNotFound, "--chdir: {} is no directory", folder);
  }
  if (auto good =
          check_folder(place(settings, settings.get(setting::kStateDir)), setting::kStateDir.key);
      !good) {
    return good;
  }
  for (const auto& setting : {setting::kLogFile, setting::kAccessLog, setting::kPidfile}) {
    const std::string& path = settings.get(setting);
    if (path.empty() || path == "-") continue;
    // The log is opened before the change of directory.
    const bool first = setting.key == setting::kLogFile.key;
    if (auto good = check_file(first ? fs::path(path) : place(settings, path), setting.key);
        !good) {
      return good;
    }
  }
  std::vector<std::string> binds = settings.get(setting::kBind);
  binds.push_back(settings.get(setting::kManagementBind));
  for (const std::string& bind : binds) {
    if (bind.empty()) continue;
    const auto address = BindAddress::parse(bind);  // checked by the settings table
    if (!address || address->kind != BindAddress::Kind::kUnix) continue;
    if (auto good = check_socket_folder(place(settings, address->path)); !good) return good;
  }
  if (const std::string& certificate = settings.get(setting::kCertfile); !certificate.empty()) {
    auto loaded =
        http_conn::TlsContext::load({.certificate_file = place(settings, certificate),
                                     .key_file = place(settings, settings.get(setting::kKeyfile))});
    if (!loaded) return fail(loaded);
  }
  return {};
}

}  // namespace saola::server
