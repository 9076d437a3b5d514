#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include <saola/base/error.hpp>
#include <saola/server/settings.hpp>

#include "settings/bind_address.hpp"

namespace saola::server {

// Who workers run as; the parts left empty stay as they are.
struct Privileges {
  std::optional<uid_t> user;
  std::optional<gid_t> group;
  std::string user_name;  // for the supplementary groups
};

// Looks names or numbers up. kNotFound names what does not exist; kPermissionDenied when this
// process may not become that user.
Result<Privileges> find_privileges(const std::string& user, const std::string& group);

// Who may connect to the unix sockets. Errors as for find_privileges().
Result<SocketAccess> socket_access(const Settings& settings);

// Becomes that user and group for good.
Result<void> drop_privileges(const Privileges& privileges);

// Makes the setting `umask` this process's.
void set_umask(const Settings& settings);

}  // namespace saola::server
