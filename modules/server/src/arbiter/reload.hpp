// A reload (HUP): read the settings anew, start workers with them, and when they serve let the old
// ones go. Whatever fails before that leaves everything as it was.
//
// States: idle; pending (ServerStatus::generations.pending: workers of the new settings start beside
// the old ones); then committed or abandoned, which is idle again. A HUP that comes while one is
// pending runs afterwards.
#pragma once

#include <functional>
#include <string_view>

#include <saola/base/error.hpp>

#include "fleet/fleet.hpp"
#include "fleet/listeners.hpp"
#include "fleet/server_status.hpp"

namespace saola::server {

// The server's and the application's checks of settings together, before a start and a reload.
Result<void> check_settings(const ServerDefinition& definition, const Settings& settings);

class Reload {
 public:
  // `apply` puts the settings of the current generation into force in the arbiter itself. All must
  // outlive it.
  Reload(ServerStatus& server, Fleet& fleet, Listeners& listeners, std::function<void()> apply)
      : server_(server), fleet_(fleet), listeners_(listeners), apply_(std::move(apply)) {}

  // kCancelled: the server is stopping; else what is wrong with the new settings.
  Result<void> begin();
  // Commits when the new workers all serve.
  void advance();
  // REQUIRES: one is pending.
  void abandon(std::string_view why);

 private:
  void commit();

  ServerStatus& server_;
  Fleet& fleet_;
  Listeners& listeners_;
  const std::function<void()> apply_;
  bool again_ = false;  // a HUP came while one was under way
};

}  // namespace saola::server
