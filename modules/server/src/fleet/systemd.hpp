// systemd's protocols, spoken directly (sd_listen_fds(3), sd_notify(3)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <saola/base/unique_fd.hpp>

namespace saola::server {

// The sockets that LISTEN_FDS and LISTEN_PID pass to this process; empty when there are none. Takes
// the variables out of the environment, so that children do not see them.
std::vector<unique_fd> take_systemd_sockets();

// Sends "READY=1" and the like to NOTIFY_SOCKET; does nothing when there is none. Never blocks.
class SystemdNotifier {
 public:
  // Takes NOTIFY_SOCKET out of the environment.
  SystemdNotifier();
  void notify(std::string_view state) const;
  // What was taken out, for the program that replaces this one.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace saola::server
