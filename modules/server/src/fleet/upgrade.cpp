#include "fleet/upgrade.hpp"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include <fmt/core.h>

#include <saola/base/log.hpp>

#include "process/child_boot.hpp"

namespace saola::server {
namespace {

constexpr const char* kVariable = "SAOLA_INTERNAL_UPGRADE";

}  // namespace

// One line "PID FROM_SYSTEMD", then for each listener a line "FD DEVICE INODE ASKED", with the file
// of a unix socket, or 0 0.
UpgradeOrigin take_upgrade_origin() {
  UpgradeOrigin out;
  const char* text = std::getenv(kVariable);
  if (text == nullptr) return out;
  std::istringstream lines(text);
  ::unsetenv(kVariable);
  lines >> out.arbiter >> out.from_systemd;
  if (out.arbiter != ::getppid()) return {};
  int fd = -1;
  dev_t device = 0;
  ino_t inode = 0;
  for (std::string asked;
       lines >> fd >> device >> inode && std::getline(lines >> std::ws, asked);) {
    auto address = BindAddress::parse(asked);
    if (!address) continue;
    auto listener = adopt_listener(unique_fd(fd), *address);
    if (listener) {
      OwnFile file = OwnFile::at(address->path);
      if (file.device() == device && file.inode() == inode) listener->file = std::move(file);
      out.listeners.push_back(std::move(*listener));
    } else {
      log_warning(listener.error().message());
    }
  }
  return out;
}

std::vector<std::string> upgrade_environment(
    const std::vector<std::shared_ptr<const Listener>>& listeners, bool from_systemd,
    const std::string& notify_socket) {
  std::vector<std::string> environment = environment_texts();
  std::string text = fmt::format("{}={} {:d}\n", kVariable, ::getpid(), from_systemd);
  for (const auto& listener : listeners) {
    text += fmt::format("{} {} {} {}\n", listener->fd.get(), listener->file.device(),
                        listener->file.inode(), listener->asked.to_string());
  }
  environment.push_back(std::move(text));
  if (!notify_socket.empty()) environment.push_back("NOTIFY_SOCKET=" + notify_socket);
  return environment;
}

}  // namespace saola::server
