// The listening sockets of a server: new ones, those of systemd, of the arbiter before an upgrade,
// and of the generation before a reload.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <saola/base/error.hpp>

#include "fleet/server_status.hpp"

namespace saola::server {

class Listeners {
 public:
  explicit Listeners(ServerStatus& server) : server_(server) {}

  // Takes what this process was started with. Once, before the first open().
  Result<void> take_inherited();
  // A generation with a listener for each bind: an inherited one, one of `reuse` (may be null), or a
  // new one.
  Result<Generation> open(Settings settings, const Generation* reuse);
  // What nobody asked for is closed.
  void close_inherited() { inherited_.clear(); }
  // The unix sockets that end with this server.
  std::vector<OwnFile> own_files(const Generation& generation) const;
  bool from_systemd() const { return from_systemd_; }

 private:
  Result<std::shared_ptr<const Listener>> listener_for(const std::string& bind,
                                                       const Generation* reuse,
                                                       const Generation& made,
                                                       const Settings& settings);

  ServerStatus& server_;
  std::vector<Listener> inherited_;
  bool from_systemd_ = false;  // the sockets belong to systemd: not unlinked
  unsigned generations_ = 0;
};

}  // namespace saola::server
