#include "fleet/listeners.hpp"

#include <unistd.h>

#include <algorithm>

#include <saola/server/server_settings.hpp>

#include "fleet/upgrade.hpp"
#include "process/privileges.hpp"
#include "settings/parsed_settings.hpp"

namespace saola::server {

Result<void> Listeners::take_inherited() {
  UpgradeOrigin origin = take_upgrade_origin();
  server_.predecessor = origin.arbiter;
  inherited_ = std::move(origin.listeners);
  from_systemd_ = origin.from_systemd;
  for (unique_fd& socket : take_systemd_sockets()) {
    const std::string where = local_address(socket.get());
    auto listener =
        adopt_listener(std::move(socket), BindAddress::parse(where).value_or(BindAddress()));
    if (!listener) return fail(std::move(listener).error().wrap("systemd's socket"));
    inherited_.push_back(std::move(*listener));
    from_systemd_ = true;
  }
  return {};
}

Result<std::shared_ptr<const Listener>> Listeners::listener_for(const std::string& bind,
                                                                const Generation* reuse,
                                                                const Generation& made,
                                                                const Settings& settings) {
  const BindAddress asked = *BindAddress::parse(bind);  // checked by the settings table
  const auto same = [&](const Listener& known) {
    return known.asked.to_string() == asked.to_string() || known.where == asked.to_string();
  };
  if (reuse != nullptr) {
    for (const auto& known : reuse->listeners) {
      // "127.0.0.1:0" may be asked for twice.
      const bool taken = std::ranges::find(made.listeners, known) != made.listeners.end();
      if (same(*known) && !taken) return known;
    }
    if (reuse->management && same(*reuse->management)) return reuse->management;
  }
  if (const auto known = std::ranges::find_if(inherited_, same); known != inherited_.end()) {
    auto listener = std::make_shared<const Listener>(std::move(*known));
    inherited_.erase(known);
    return listener;
  }
  auto access = socket_access(settings);
  if (!access) return fail(access);
  auto listener =
      open_listener(asked, {.backlog = static_cast<int>(settings.get(setting::kBacklog)),
                            .reuse_port = settings.get(setting::kReusePort),
                            .access = *access});
  if (!listener) return fail(listener);
  return std::make_shared<const Listener>(std::move(*listener));
}

std::vector<OwnFile> Listeners::own_files(const Generation& generation) const {
  std::vector<OwnFile> files;
  // The other arbiter of an upgrade goes on with them.
  if (server_.successor != 0 || server_.predecessor != 0) return files;
  for (const auto& listener : generation.listeners) files.push_back(listener->file);
  if (generation.management) files.push_back(generation.management->file);
  return files;
}

Result<Generation> Listeners::open(Settings settings, const Generation* reuse) {
  Generation out;
  out.number = ++generations_;
  if (auto found = socket_access(settings); !found) return fail(found);
  if (from_systemd_ && settings.origin("bind") == "default") {
    for (Listener& listener : inherited_) {
      out.listeners.push_back(std::make_shared<const Listener>(std::move(listener)));
    }
    inherited_.clear();
    if (reuse != nullptr) out.listeners = reuse->listeners;
  } else {
    for (const std::string& bind : settings.get(setting::kBind)) {
      auto listener = listener_for(bind, reuse, out, settings);
      if (!listener) return fail(listener);
      out.listeners.push_back(std::move(*listener));
    }
  }
  auto credentials = open_credentials(settings);
  if (!credentials) return fail(credentials);
  out.credentials = *std::move(credentials);
  if (auto checked = check_exposure(settings, out.credentials, out.addresses()); !checked) {
    return fail(checked);
  }
  if (const std::string& bind = settings.get(setting::kManagementBind); !bind.empty()) {
    auto listener = listener_for(bind, reuse, out, settings);
    if (!listener) return fail(listener);
    out.management = std::move(*listener);
  }
  const bool serves = server_.definition.web || server_.definition.application != nullptr;
  out.wanted[Role::kWeb] = serves ? process_count(settings, setting::kWorkers) : 0;
  out.wanted[Role::kTask] =
      server_.definition.task ? process_count(settings, setting::kTaskWorkers) : 0;
  out.wanted[Role::kManagement] = out.management ? 1 : 0;
  out.settings = std::move(settings);
  return out;
}

}  // namespace saola::server
