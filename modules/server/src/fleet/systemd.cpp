#include "fleet/systemd.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace saola::server {
namespace {

constexpr int kFirstSocket = 3;  // SD_LISTEN_FDS_START

std::string take_variable(const char* name) {
  const char* text = std::getenv(name);
  std::string out = text == nullptr ? "" : text;
  ::unsetenv(name);
  return out;
}

}  // namespace

std::vector<unique_fd> take_systemd_sockets() {
  const std::string count = take_variable("LISTEN_FDS");
  const std::string pid = take_variable("LISTEN_PID");
  take_variable("LISTEN_FDNAMES");
  std::vector<unique_fd> sockets;
  if (std::atoi(pid.c_str()) != ::getpid()) return sockets;
  for (int fd = kFirstSocket; fd < kFirstSocket + std::atoi(count.c_str()); ++fd) {
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) sockets.emplace_back(fd);
  }
  return sockets;
}

SystemdNotifier::SystemdNotifier() : path_(take_variable("NOTIFY_SOCKET")) {}

void SystemdNotifier::notify(std::string_view state) const {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path_.empty() || path_.size() >= sizeof name.sun_path) return;
  std::memcpy(name.sun_path, path_.data(), path_.size());
  if (name.sun_path[0] == '@') name.sun_path[0] = '\0';  // abstract
  const unique_fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // Nobody to tell is no failure of ours.
  [[maybe_unused]] const ssize_t sent =
      ::sendto(socket.get(), state.data(), state.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
               reinterpret_cast<sockaddr*>(&name),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size()));
}

}  // namespace saola::server
