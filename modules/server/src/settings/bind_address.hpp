// A place to listen on, as users write it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/base/unique_fd.hpp>

#include "files/socket_file.hpp"

namespace saola::server {

struct BindAddress {
  enum class Kind { kTcp, kUnix, kInherited };
  Kind kind = Kind::kTcp;
  std::string host;        // kTcp: name or numeric, without brackets
  std::uint16_t port = 0;  // kTcp; 0: the kernel chooses
  std::string path;        // kUnix
  int fd = -1;             // kInherited

  // "HOST:PORT", "[V6]:PORT", ":PORT" (all IPv4 addresses), "unix:PATH", "fd://N".
  static Result<BindAddress> parse(std::string_view text);
  // The same spelling; equal texts mean equal places.
  std::string to_string() const;
};

// Whether only this machine can connect: loopback addresses, names that mean nothing else, and unix
// sockets, where the file's mode decides. An inherited descriptor may be anything; true, for where
// it listens is known once it is adopted.
bool reaches_this_machine_only(const BindAddress& address);

// A listening socket and where it listens.
struct Listener {
  unique_fd fd;       // close-on-exec, non-blocking
  BindAddress asked;  // what the settings said
  std::string where;  // with the port the kernel chose: "127.0.0.1:43231", "unix:/run/x.sock"
  OwnFile file = {};  // of a unix socket that this server made, or took over from the one before
};

struct ListenOptions {
  int backlog = 2048;
  bool reuse_port = false;
  SocketAccess access = {};
};

// Binds and listens. A unix socket file nobody listens on any more is replaced. Errors say who is
// in the way as far as it can be told, and what to do.
Result<Listener> open_listener(const BindAddress& address, const ListenOptions& options);

// "127.0.0.1:8000", "[::1]:8000" or "unix:/path" of a socket; empty when it has none.
std::string local_address(int fd);

// Connections that the kernel has finished and nobody has accepted; -1 when it does not tell
// (unix).
int waiting_connections(int fd);

// How many connections may wait; -1 when the kernel does not tell (unix).
int backlog_of(int fd);

// Takes over a socket that already listens. Fails when it does not.
Result<Listener> adopt_listener(unique_fd fd, const BindAddress& asked);

}  // namespace saola::server
