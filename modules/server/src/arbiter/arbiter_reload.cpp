#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/core.h>

#include <saola/base/log.hpp>

#include "arbiter/arbiter.hpp"
#include "arbiter/upgrade.hpp"
#include "log/process_log.hpp"
#include "process/privileges.hpp"

namespace saola::server {

Result<void> check_settings(const ServerDefinition& definition, const Settings& settings) {
  if (auto checked = check_server_settings(settings); !checked) return checked;
  return definition.check ? definition.check(settings) : Result<void>();
}

// HUP: read the settings anew, start workers with them, and when they serve let the old ones go.
// Whatever fails before that leaves everything as it was.
Result<void> Arbiter::reload() {
  if (stopping_ != Stopping::kNo) return fail(ErrorCode::kCancelled, "the server is stopping");
  if (pending_) {
    reload_again_ = true;
    return {};
  }
  // The config file's path, if relative, is so to where the server was started.
  std::string here(4096, '\0');
  const bool moved =
      ::getcwd(here.data(), here.size()) != nullptr && ::chdir(directory_.c_str()) == 0;
  auto loaded = table_.load(flags_, environment_texts());
  if (moved && ::chdir(here.c_str()) != 0) {
    return fail(ErrorCode::kNotFound, "the directory {} has gone", here.c_str());
  }
  if (!loaded) return std::unexpected(loaded.error());
  if (auto checked = check_settings(definition_, loaded->settings); !checked) return checked;
  const auto kept = table_.keep_until_restart(current_.settings, loaded->settings);
  if (auto opened = open_log_files(loaded->settings); !opened) return opened;
  auto generation = open_generation(std::move(loaded->settings), &current_);
  if (!generation) return std::unexpected(generation.error());
  systemd_.notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                              std::chrono::duration_cast<std::chrono::microseconds>(
                                  std::chrono::steady_clock::now().time_since_epoch())
                                  .count()));
  pending_ = std::move(*generation);
  if (auto set = configure_log(pending_->settings, definition_.name, "arbiter"); !set) {
    log_warning("the old log stays in use: " + set.error().message());
  }
  for (const std::string& text : kept) log_warning(text);
  if (definition_.hooks.on_reload) definition_.hooks.on_reload(pending_->settings);
  for (CrashLoop& crashes : crashes_) crashes.reset();
  log_info("reloading: new workers start, then the old ones leave");
  event("reload", "");
  return {};
}

void Arbiter::commit_reload() {
  const std::vector<std::string> before = own_socket_files(current_);
  current_ = std::move(*pending_);
  pending_.reset();
  apply_to_arbiter();
  const std::vector<std::string> after = own_socket_files(current_);
  for (const std::string& path : before) {
    if (std::ranges::find(after, path) == after.end()) ::unlink(path.c_str());
  }
  for (const auto& child : children_) {
    if (child->generation != current_.number && !child->leaving()) retire(*child, Leave::kDrain);
  }
  set_wanted(Role::kWeb, current_.wanted_of(Role::kWeb));
  observe::MetricSlot{state_->metrics(), 0}.counter(metrics_.reloads).add();
  systemd_.notify("READY=1");
  log_info("reloaded");
  for (const auto& listener : current_.listeners) log_info("listening on " + listener->where);
  event("reloaded", "");
  if (std::exchange(reload_again_, false)) {
    if (auto again = reload(); !again) log_error(again.error().message());
  }
}

// What the arbiter itself has of the settings.
void Arbiter::apply_to_arbiter() {
  const Settings& settings = current_.settings;
  set_umask(settings);
  title_.set(title());
  const int backlog = static_cast<int>(settings.integer("backlog"));
  for (const auto& listener : current_.listeners) {
    // Others' sockets keep what they came with.
    const bool ours = !systemd_sockets_ && listener->asked.kind != BindAddress::Kind::kInherited;
    if (ours) ::listen(listener->fd.get(), backlog);
  }
  if (auto written = write_pid_file(); !written) {
    log_warning(written.error().message() + "; the old one stays");
  }
}

void Arbiter::abandon_reload(std::string_view why) {
  log_error(fmt::format("the reload is given up, the old workers stay: {}", why));
  event("reload_abandoned", std::string(why));
  const unsigned abandoned = pending_->number;
  pending_.reset();
  reload_again_ = false;
  for (CrashLoop& crashes : crashes_) crashes.reset();
  if (auto set = configure_log(current_.settings, definition_.name, "arbiter"); !set) {
    log_warning("the log stays that of the reload: " + set.error().message());
  }
  for (const auto& child : children_) {
    if (child->generation == abandoned) retire(*child, Leave::kQuick);
  }
  systemd_.notify("READY=1");
}

// USR2: start the program's file, perhaps a newer one, beside this one on the same sockets. It
// becomes the server when this one is told to leave (WINCH, then TERM or QUIT).
Result<void> Arbiter::upgrade() {
  if (successor_ != 0 || predecessor_ != 0) {
    return fail(ErrorCode::kConflict,
                "an upgrade is under way already; stop the older or the newer arbiter first");
  }
  if (::getpid() == 1) {
    return fail(
        ErrorCode::kUnsupported,
        "there is no upgrade for process 1: when this arbiter left for the new one, everything "
        "in the container would end. Start a new container instead");
  }
  std::vector<std::shared_ptr<const Listener>> listeners = current_.listeners;
  if (current_.management) listeners.push_back(current_.management);
  std::vector<int> keep;
  for (const auto& listener : listeners) keep.push_back(listener->fd.get());
  std::string here(4096, '\0');
  const bool moved =
      ::getcwd(here.data(), here.size()) != nullptr && ::chdir(directory_.c_str()) == 0;
  auto pid = spawn_program(program_, arguments_,
                           upgrade_environment(listeners, systemd_sockets_, systemd_.path()), keep);
  if (moved && ::chdir(here.c_str()) != 0) log_warning("the working directory has gone");
  if (!pid) return std::unexpected(pid.error());
  successor_ = *pid;
  log_info("upgrading: a new arbiter starts beside this one", {{"pid", successor_}});
  event("upgrade", fmt::format("pid {}", successor_));
  return {};
}

}  // namespace saola::server
