#include "fleet/fleet.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include <saola/base/log.hpp>
#include <saola/server/server_settings.hpp>

#include "control/stall_json.hpp"
#include "fleet/upgrade.hpp"
#include "process/child_boot.hpp"

namespace saola::server {
namespace {

// What a child that is killed for its silence gets to write its stacks, and one that leaves at once
// to go.
constexpr Duration kLastWords = std::chrono::seconds(5);

// What a child of the role gets after SIGQUIT.
Duration quick_time(Role role) {
  return role == Role::kTask ? kRequeueTime : kLastWords;
}

}  // namespace

std::string name_of(const Child& child) {
  return fmt::format("{} {}", to_string(child.role), child.number);
}

std::string how_it_ended(int wait_status) {
  return WIFSIGNALED(wait_status) ? fmt::format("signal {}", ::sigabbrev_np(WTERMSIG(wait_status)))
                                  : fmt::format("exit status {}", WEXITSTATUS(wait_status));
}

void Fleet::fill(Role role) {
  const Generation& generation = server_.generations.newest();
  int have = count(role, generation.number, false);
  for (; have < generation.wanted[role]; ++have) {
    const SteadyTime start = crashes_of(role).next_start();
    if (std::chrono::steady_clock::now() < start) return server_.wake_at(start);
    spawn(role);
  }
  for (; have > generation.wanted[role]; --have) {
    Child* last = nullptr;
    for (const auto& child : children_) {
      if (child->role == role && !child->leaving() &&
          (last == nullptr || child->number > last->number)) {
        last = child.get();
      }
    }
    retire(*last, Leave::kDrain);
  }
}

void Fleet::spawn(Role role) {
  auto child = start_child(role);
  if (!child) {
    log_error("a worker cannot be started: " + child.error().message());
    // Not the worker's fault, so nothing to stop for: try again after a pause.
    crashes_of(role).died(std::chrono::steady_clock::now(), Duration::zero(), crash_rule());
    return;
  }
  server_.event("worker_started", fmt::format("{} pid {}", name_of(**child), (*child)->pid));
  children_.push_back(std::move(*child));
}

Result<std::unique_ptr<Child>> Fleet::start_child(Role role) {
  const Generation& generation = server_.generations.newest();
  const auto slot = free_slot();
  if (!slot) {
    return fail(ErrorCode::kResourceExhausted,
                "all {} slots are taken; restart the server to have more workers",
                server_.state->slots());
  }
  int channel[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, channel) != 0) {
    return fail(errno_error(errno, "socketpair"));
  }
  auto child = std::make_unique<Child>();
  child->channel.reset(channel[0]);
  const unique_fd other_end(channel[1]);
  child->role = role;
  child->number = free_number(role);
  child->identity =
      fmt::format("{}/{:x}.{}", ::getpid(), server_.started.time_since_epoch().count(), ++spawned_);
  child->generation = generation.number;
  child->slot = *slot;
  child->started = std::chrono::steady_clock::now();

  ChildBoot boot{.role = role,
                 .number = child->number,
                 .identity = child->identity,
                 .arbiter = ::getpid(),
                 .settings = generation.settings,
                 .slot = *slot,
                 .slots = server_.state->slots(),
                 .state_fd = server_.state->fd(),
                 .channel_fd = other_end.get()};
  if (role == Role::kWeb) {
    boot.credentials = generation.credentials;
    for (const auto& listener : generation.listeners) {
      boot.listeners.push_back({listener->fd.get(), listener->where});
    }
  } else if (role == Role::kManagement) {
    boot.listeners.push_back({generation.management->fd.get(), generation.management->where});
  }
  auto message = write_boot(boot);
  if (!message) return fail(message);
  std::vector<int> keep{message->get(), boot.state_fd, boot.channel_fd};
  for (const BootListener& listener : boot.listeners) keep.push_back(listener.fd);
  std::vector<std::string> environment = environment_texts();
  environment.push_back(fmt::format("{}={}", kChildVariable, message->get()));

  SlotState& state = server_.state->slot(*slot);
  state.beat();
  state.role.store(static_cast<std::uint32_t>(role), std::memory_order_relaxed);
  state.number.store(child->number, std::memory_order_relaxed);
  state.not_ready.store(false, std::memory_order_relaxed);
  state.why_not_ready.write("");
  auto pid = spawn_program("/proc/self/exe", server_.arguments, environment, keep);
  if (!pid) return fail(pid);
  child->pid = *pid;
  state.pid.store(*pid, std::memory_order_relaxed);
  state.stage.store(Stage::kBooting, std::memory_order_relaxed);
  return child;
}

// A silent child is hung: it gets a signal on which it writes its stacks, then it is killed.
void Fleet::check_pulse(Child& child) {
  const Duration timeout = server_.generations.newest().settings.get(setting::kTimeout);
  if (timeout == Duration::zero() || child.hung) return;
  const SlotState& state = server_.state->slot(child.slot);
  const Duration silent = state.since_beat();
  if (silent < timeout) return server_.wake_at(std::chrono::steady_clock::now() + timeout - silent);
  log_error(
      fmt::format("worker {} is hung and is replaced; its stacks follow if it can write them",
                  name_of(child)),
      {{"pid", child.pid}, {"silent_seconds", std::chrono::duration<double>(silent).count()}});
  server_.event("worker_hung", fmt::format("{} pid {}", name_of(child), child.pid));
  child.hung = true;
  child.patience = std::chrono::steady_clock::now() + kLastWords;
  ::kill(child.pid, SIGABRT);
}

void Fleet::escalate(Child& child) {
  if (!child.patience) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now < *child.patience) return server_.wake_at(*child.patience);
  if (!child.hung && !child.stop_sent) {
    const bool is_task = child.role == Role::kTask;
    log_info(fmt::format("worker {} {}: the time to finish is over", name_of(child),
                         is_task ? "puts its jobs back" : "cuts its connections"),
             {{"pid", child.pid}});
    child.stop_sent = true;
    child.patience = now + quick_time(child.role);
    ::kill(child.pid, SIGQUIT);
    return;
  }
  log_warning(fmt::format("worker {} did not leave in time and is killed", name_of(child)),
              {{"pid", child.pid}});
  child.patience = now + kLastWords;
  ::kill(child.pid, SIGKILL);
}

void Fleet::retire(Child& child, Leave how) {
  const Settings& settings = server_.generations.newest().settings;
  const SteadyTime now = std::chrono::steady_clock::now();
  const bool drains = how == Leave::kDrain && child.role == Role::kTask;
  SteadyTime patience =
      now + (how == Leave::kQuick
                 ? quick_time(child.role)
                 : settings.get(drains ? setting::kDrainTimeout : setting::kGracefulTimeout));
  const bool told = child.leaving();
  if (child.patience) patience = std::min(patience, *child.patience);
  child.patience = patience;
  child.stage = Stage::kLeaving;
  server_.state->slot(child.slot).stage.store(Stage::kLeaving, std::memory_order_relaxed);
  if (how == Leave::kQuick && !child.stop_sent) {
    child.stop_sent = true;
    ::kill(child.pid, SIGQUIT);
  } else if (!told) {
    ::kill(child.pid, SIGTERM);
  }
}

void Fleet::retire_replaced() {
  const Generation& newest = server_.generations.newest();
  for (const auto& child : children_) {
    if (child->retiring && !child->leaving() &&
        count(child->role, newest.number, true) >= newest.wanted[child->role]) {
      retire(*child, Leave::kDrain);
    }
  }
}

Child* Fleet::find(pid_t pid) const {
  const auto child = std::ranges::find(children_, pid, [](const auto& c) { return c->pid; });
  return child == children_.end() ? nullptr : child->get();
}

void Fleet::look_after() {
  const SteadyTime now = std::chrono::steady_clock::now();
  for (const auto& child : children_) {
    if (child->serving_since) {
      crashes_of(child->role).lives(child->started, now - *child->serving_since, crash_rule());
    }
    check_pulse(*child);
    escalate(*child);
  }
}

void Fleet::note_metrics() {
  const observe::MetricSlot slot = server_.slot();
  for (Role role : kSupervisedRoles) {
    const auto serving = std::ranges::count_if(children_, [role](const auto& child) {
      return child->role == role && child->stage == Stage::kServing;
    });
    slot.gauge(server_.metrics.workers[role]).set(serving);
    const bool paused = crashes_of(role).pauses() && serving == 0;
    slot.gauge(server_.metrics.paused[role]).set(paused ? 1 : 0);
    server_.state->server().why_paused[role].write(
        paused ? fmt::format("{} workers keep dying, {} in a row, the last by {}; the next one "
                             "starts after a pause",
                             to_string(role), crashes_of(role).deaths(), last_death_[role])
               : "");
  }
}

bool Fleet::reap(pid_t pid, int wait_status) {
  const auto child = std::ranges::find(children_, pid, [](const auto& c) { return c->pid; });
  if (child == children_.end()) return false;
  // What it said before it died comes first.
  read({{.fd = (*child)->channel.get(), .events = 0, .revents = POLLIN}});
  const std::unique_ptr<Child> dead = std::move(*child);
  children_.erase(child);
  note_exit(*dead, wait_status);
  return true;
}

void Fleet::note_exit(const Child& child, int status) {
  SlotState& slot = server_.state->slot(child.slot);
  slot.stage.store(Stage::kFree, std::memory_order_relaxed);
  slot.pid.store(0, std::memory_order_relaxed);
  server_.state->metrics().clear_gauges(child.slot);
  const bool expected = child.leaving() && !child.hung;
  if (server_.definition.hooks.child_exit) {
    server_.definition.hooks.child_exit(
        {child.role, child.number, child.pid, child.identity, status, expected});
  }
  const std::string text = fmt::format("worker {} ended: {}", name_of(child), how_it_ended(status));
  server_.event("worker_ended",
                fmt::format("{} pid {}: {}", name_of(child), child.pid, how_it_ended(status)));
  // One that returns before it serves, whatever its status, has failed.
  if (expected || (status == 0 && child.serving_since)) {
    log_info(text, {{"pid", child.pid}});
    return;
  }
  log_error(text, {{"pid", child.pid}});
  server_.slot().counter(server_.metrics.deaths[child.role]).add();
  if (server_.stopping == Stopping::kNo) note_crash(child, status);
}

void Fleet::note_crash(const Child& child, int wait_status) {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::optional<Duration> served;
  if (child.serving_since) served = now - *child.serving_since;
  crashes_of(child.role).died(now, served, crash_rule());
  last_death_[child.role] = how_it_ended(wait_status);
  watcher_.on_crash(child, wait_status);
}

void Fleet::forget_crashes() {
  for (CrashLoop& crashes : crashes_) crashes.reset();
}

void Fleet::watch(std::vector<pollfd>& polled) const {
  for (const auto& child : children_) {
    if (child->channel) polled.push_back({.fd = child->channel.get(), .events = POLLIN});
  }
}

CrashLoop::Rule Fleet::crash_rule() const {
  const Settings& settings = server_.generations.newest().settings;
  return {.limit = static_cast<int>(settings.get(setting::kCrashLimit)),
          .young = settings.get(setting::kCrashWindow)};
}

void Fleet::read(const std::vector<pollfd>& polled) {
  std::vector<char> buffer;  // made when there is something to read
  for (const pollfd& entry : polled) {
    if (entry.revents == 0 || entry.fd < 0) continue;
    const auto child =
        std::ranges::find(children_, entry.fd, [](const auto& c) { return c->channel.get(); });
    if (child == children_.end()) continue;
    buffer.resize(256 * 1024);
    while (true) {
      const ssize_t got = ::recv(entry.fd, buffer.data(), buffer.size(), 0);
      if (got > 0) {
        on_message(**child, {buffer.data(), static_cast<std::size_t>(got)});
      } else if (got == 0) {
        (*child)->channel.reset();  // its end is closed; SIGCHLD tells the rest
        break;
      } else if (errno != EINTR) {
        break;
      }
    }
  }
}

void Fleet::on_message(Child& child, std::string_view message) {
  const std::string_view verb = message.substr(0, message.find(' '));
  const std::string_view rest = message.substr(std::min(verb.size() + 1, message.size()));
  if (verb == "ready" && child.stage == Stage::kBooting) {
    child.stage = Stage::kServing;
    child.serving_since = std::chrono::steady_clock::now();
    server_.state->slot(child.slot).stage.store(Stage::kServing, std::memory_order_relaxed);
    log_info(fmt::format("worker {} serves", name_of(child)), {{"pid", child.pid}});
  } else if (verb == "retire") {
    child.retiring = true;
    log_info(fmt::format("worker {} asks for a successor: {}", name_of(child), rest),
             {{"pid", child.pid}});
  } else if (verb == "stall") {
    if (auto report = stall_from_json(rest)) server_.stalls.report(std::move(*report));
  } else if (verb == "answered") {
    watcher_.on_answer(child, rest);
  }
}

void Fleet::signal_all(int signal) const {
  for (const auto& child : children_) ::kill(child->pid, signal);
}

unsigned Fleet::free_number(Role role) const {
  for (unsigned number = 1;; ++number) {
    if (std::ranges::none_of(children_, [&](const auto& child) {
          return child->role == role && child->number == number;
        })) {
      return number;
    }
  }
}

std::optional<std::size_t> Fleet::free_slot() const {
  for (std::size_t slot = kArbiterSlot + 1; slot < server_.state->slots(); ++slot) {
    if (std::ranges::none_of(children_, [&](const auto& child) { return child->slot == slot; })) {
      return slot;
    }
  }
  return std::nullopt;
}

int Fleet::count(Role role, unsigned generation, bool serving_only) const {
  return static_cast<int>(std::ranges::count_if(children_, [&](const auto& child) {
    return child->role == role && child->generation == generation && !child->retiring &&
           !child->leaving() && (!serving_only || child->stage == Stage::kServing);
  }));
}

bool Fleet::complete(const Generation& generation) const {
  return std::ranges::all_of(kSupervisedRoles, [&](Role role) {
    return count(role, generation.number, true) >= generation.wanted[role];
  });
}

void Fleet::set_wanted(Role role, int wanted) {
  Generation& generation = server_.generations.newest();
  const int before = generation.wanted[role];
  generation.wanted[role] = wanted;
  if (role != Role::kWeb) return;
  server_.state->server().web_workers_wanted.store(wanted, std::memory_order_relaxed);
  if (wanted != before && server_.definition.hooks.nworkers_changed) {
    server_.definition.hooks.nworkers_changed(before, wanted);
  }
}

}  // namespace saola::server
