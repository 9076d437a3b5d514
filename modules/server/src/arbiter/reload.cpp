#include "arbiter/reload.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include <saola/base/log.hpp>
#include <saola/server/server_settings.hpp>

#include "access/gate.hpp"
#include "fleet/log_files.hpp"
#include "log/process_log.hpp"
#include "process/child_boot.hpp"

namespace saola::server {

namespace {

// The addresses that the settings name; inherited descriptors are known later.
std::vector<std::string> reachable(const Settings& settings) {
  std::vector<std::string> addresses;
  for (const std::string& bind : settings.get(setting::kBind)) {
    if (!bind.starts_with("fd://")) addresses.push_back(bind);
  }
  return addresses;
}

}  // namespace

Result<void> check_settings(const ServerDefinition& definition, const Settings& settings) {
  if (auto checked = check_server_settings(settings); !checked) return checked;
  if (auto checked = check_gate(settings); !checked) return checked;
  const auto credentials = read_credentials(settings);
  if (!credentials) return fail(credentials);
  // What systemd or an older arbiter passes is looked at when it is there.
  if (auto checked = check_exposure(settings, *credentials, reachable(settings)); !checked) {
    return checked;
  }
  return definition.check ? definition.check(settings) : Result<void>();
}

Result<void> Reload::begin() {
  if (server_.stopping != Stopping::kNo || server_.stop_at) {
    return fail(ErrorCode::kCancelled, "the server is stopping");
  }
  if (server_.generations.pending) {
    again_ = true;
    return {};
  }
  // The config file's path, if relative, is so to where the server was started.
  std::string here(4096, '\0');
  const bool moved =
      ::getcwd(here.data(), here.size()) != nullptr && ::chdir(server_.directory.c_str()) == 0;
  auto loaded = server_.table.load(server_.flags, environment_texts());
  if (moved && ::chdir(here.c_str()) != 0) {
    return fail(ErrorCode::kNotFound, "the directory {} has gone", here.c_str());
  }
  if (!loaded) return fail(loaded);
  if (auto checked = check_settings(server_.definition, loaded->settings); !checked) return checked;
  const auto kept =
      server_.table.keep_until_restart(server_.generations.current.settings, loaded->settings);
  if (auto opened = open_log_files(loaded->settings); !opened) return opened;
  auto generation = listeners_.open(std::move(loaded->settings), &server_.generations.current);
  if (!generation) return fail(generation);
  server_.systemd.notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                                     std::chrono::duration_cast<std::chrono::microseconds>(
                                         std::chrono::steady_clock::now().time_since_epoch())
                                         .count()));
  server_.generations.pending = std::move(*generation);
  if (auto set =
          configure_log(server_.generations.pending->settings, server_.definition.name, "arbiter");
      !set) {
    log_warning("the old log stays in use: " + set.error().message());
  }
  for (const std::string& text : kept) log_warning(text);
  if (server_.definition.hooks.on_reload)
    server_.definition.hooks.on_reload(server_.generations.pending->settings);
  fleet_.forget_crashes();
  log_info("reloading: new workers start, then the old ones leave");
  server_.event("reload", "");
  return {};
}

void Reload::advance() {
  if (server_.generations.pending && fleet_.complete(*server_.generations.pending)) commit();
}

void Reload::commit() {
  const std::vector<OwnFile> before = listeners_.own_files(server_.generations.current);
  server_.generations.current = std::move(*server_.generations.pending);
  server_.generations.pending.reset();
  apply_();
  const std::vector<OwnFile> after = listeners_.own_files(server_.generations.current);
  for (const OwnFile& file : before) {
    if (std::ranges::none_of(after, [&](const OwnFile& kept) { return kept.is(file); })) {
      file.remove();
    }
  }
  for (const auto& child : fleet_.children()) {
    if (child->generation != server_.generations.current.number && !child->leaving())
      fleet_.retire(*child, Leave::kDrain);
  }
  fleet_.set_wanted(Role::kWeb, server_.generations.current.wanted[Role::kWeb]);
  server_.slot().counter(server_.metrics.reloads).add();
  server_.systemd.notify("READY=1");
  log_info("reloaded");
  for (const auto& listener : server_.generations.current.listeners)
    log_info("listening on " + listener->where);
  server_.event("reloaded", "");
  if (std::exchange(again_, false)) {
    if (auto begun = begin(); !begun) log_error(begun.error().message());
  }
}

void Reload::abandon(std::string_view why) {
  log_error(fmt::format("the reload is given up, the old workers stay: {}", why));
  server_.event("reload_abandoned", std::string(why));
  const unsigned abandoned = server_.generations.pending->number;
  server_.generations.pending.reset();
  again_ = false;
  fleet_.forget_crashes();
  if (auto set =
          configure_log(server_.generations.current.settings, server_.definition.name, "arbiter");
      !set) {
    log_warning("the log stays that of the reload: " + set.error().message());
  }
  for (const auto& child : fleet_.children()) {
    if (child->generation == abandoned) fleet_.retire(*child, Leave::kQuick);
  }
  server_.systemd.notify("READY=1");
}

}  // namespace saola::server
