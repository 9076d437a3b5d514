// `ctl show jobs`: a process of its own looks at the application's jobs, so that neither a locked
// database nor hogged workers matter here.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/unique_fd.hpp>

#include "control/control_server.hpp"
#include "fleet/server_status.hpp"

namespace saola::server {

class JobsReport {
 public:
  // `server` must outlive it.
  explicit JobsReport(ServerStatus& server) : server_(server) {}

  // Starts the process, or joins the one under way. kUnsupported: the application keeps no jobs.
  Result<void> ask(ControlServer::ClientId client);
  void watch(std::vector<pollfd>& polled) const;
  // Takes what has come; answers at the end of it, or when the patience is over.
  void advance(ControlServer& socket);

 private:
  struct Running {
    pid_t pid = 0;
    unique_fd out;
    std::string text;
    std::vector<ControlServer::ClientId> clients;
    SteadyTime patience{};
  };

  ServerStatus& server_;
  std::optional<Running> running_;  // for everybody who asks meanwhile
};

}  // namespace saola::server
