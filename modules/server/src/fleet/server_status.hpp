// What the parts of the arbiter (fleet, reload, listeners, control API) share. One thread uses it.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <saola/base/time.hpp>
#include <saola/observe/event_ring.hpp>
#include <saola/observe/stall_log.hpp>
#include <saola/server/server.hpp>

#include "access/credentials.hpp"
#include "fleet/systemd.hpp"
#include "process/by_role.hpp"
#include "process/server_metrics.hpp"
#include "process/shared_state.hpp"
#include "settings/bind_address.hpp"

namespace saola::server {

// The settings in force with what was opened for them.
struct Generation {
  unsigned number = 0;
  Settings settings;
  Credentials credentials;
  // Shared because a reload keeps a listener that the settings before it use as well; the last
  // generation that uses one closes it.
  std::vector<std::shared_ptr<const Listener>> listeners;
  std::shared_ptr<const Listener> management;  // or null
  ByRole<int> wanted;                          // workers

  // Where the application is reached.
  std::vector<std::string> addresses() const {
    std::vector<std::string> out;
    for (const auto& listener : listeners) out.push_back(listener->where);
    return out;
  }
};

// Two at most: the one that serves and, while a reload is under way, the one that shall.
struct Generations {
  Generation current;
  std::optional<Generation> pending;  // a reload whose workers are not all serving yet

  // What is being worked towards.
  Generation& newest() { return pending ? *pending : current; }
};

enum class Stopping { kNo, kGraceful, kQuick };

inline constexpr std::size_t kArbiterSlot = 0;

struct ServerStatus {
  ServerStatus(const ServerDefinition& server_definition, const SettingsTable& settings_table,
               std::vector<std::string> command_flags);

  void event(std::string kind, std::string text) { events.add(std::move(kind), std::move(text)); }
  // The loop must wake at `time` at the latest.
  void wake_at(SteadyTime time) { wake = std::min(wake, time); }
  observe::MetricSlot slot() const { return {state->metrics(), kArbiterSlot}; }

  const ServerDefinition& definition;
  const SettingsTable& table;
  const std::vector<std::string> flags;      // for reading the settings anew
  const std::vector<std::string> arguments;  // for starting the program again
  const std::string program;                 // its file, for an upgrade
  const std::string directory;               // where it was started
  const SteadyTime started;
  SystemdNotifier systemd;
  observe::MetricTable metric_table;
  const ServerMetrics metrics;
  std::optional<SharedState> state;  // once the first generation is open

  Generations generations;
  Stopping stopping = Stopping::kNo;
  std::optional<SteadyTime> stop_at;  // when the shutdown delay is over
  bool was_ready = false;
  pid_t predecessor = 0;  // the arbiter that upgraded to this one, while it lives
  pid_t successor = 0;    // the arbiter this one upgrades to
  SteadyTime wake{};
  observe::EventRing events;
  observe::StallLog stalls;
};

}  // namespace saola::server
