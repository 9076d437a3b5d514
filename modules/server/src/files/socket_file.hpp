// Makes the file of a unix socket, for a process of root too whose folder is another user's (a state
// directory of the workers' user): links and folders that this user puts in the way, at whatever
// moment, lead nothing of root's elsewhere.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include <saola/base/error.hpp>
#include <saola/base/unique_fd.hpp>

#include "files/own_file.hpp"

namespace saola::server {

// Who may connect to a unix socket.
struct SocketAccess {
  mode_t mode = 0666;
  std::optional<uid_t> user = {};  // its owner; nullopt: this process's
  std::optional<gid_t> group = {};
};

struct SocketFile {
  unique_fd fd;  // bound, not listening; close-on-exec, non-blocking
  OwnFile file;
};

// Whether the folder of `path` is there and one to make a socket in. Errors as make_socket_file().
Result<void> check_socket_folder(const std::string& path);

// A stream socket at `path`, complete with its access. A socket that nobody listens on any more is
// replaced. kAlreadyExists: somebody listens there, or it is no socket; kPermissionDenied: not by
// this user, or, as root, not in a folder where everybody may replace it.
Result<SocketFile> make_socket_file(const std::string& path, const SocketAccess& access);

}  // namespace saola::server
