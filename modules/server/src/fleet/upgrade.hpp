// What an arbiter hands to the program that replaces it (USR2), in its environment.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "settings/bind_address.hpp"

namespace saola::server {

struct UpgradeOrigin {
  pid_t arbiter = 0;  // the process that started this one; 0: no upgrade
  std::vector<Listener> listeners;
  bool from_systemd = false;  // the listeners came from systemd in the first place
};

// Reads what upgrade_environment() wrote and takes it out of the environment.
UpgradeOrigin take_upgrade_origin();

// This process's environment with what the successor needs. The listeners' descriptors have to be
// kept open for it.
std::vector<std::string> upgrade_environment(
    const std::vector<std::shared_ptr<const Listener>>& listeners, bool from_systemd,
    const std::string& notify_socket);

}  // namespace saola::server
