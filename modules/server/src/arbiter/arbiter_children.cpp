#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include <saola/base/log.hpp>

#include "arbiter/arbiter.hpp"
#include "control/stall_json.hpp"
#include "log/process_log.hpp"

namespace saola::server {
namespace {

// What a child that is killed for its silence gets to write its stacks, and one that leaves at once
// to go.
constexpr Duration kLastWords = std::chrono::seconds(5);
constexpr std::size_t kArbiterSlot = 0;
// A task worker's function may need this long to find out that it cannot work.
constexpr Duration kStarting = std::chrono::seconds(10);

std::string how_it_ended(int wait_status) {
  return WIFSIGNALED(wait_status) ? fmt::format("signal {}", ::sigabbrev_np(WTERMSIG(wait_status)))
                                  : fmt::format("exit status {}", WEXITSTATUS(wait_status));
}

// Of a new arbiter, which may have ended before it had a log.
std::string_view why_no_upgrade(int wait_status) {
  if (!WIFEXITED(wait_status)) return "";
  switch (WEXITSTATUS(wait_status)) {
    case kExitBadSettings:
      return ": its settings are wrong; --check-config of the new program says what is";
    case kCannotStart:
      return ": the program's file cannot be started";
    default:
      return "";
  }
}

std::string name_of(const Child& child) {
  return fmt::format("{} {}", to_string(child.role), child.number);
}

}  // namespace

void Arbiter::supervise() {
  finish_upgrade();
  if (stopping_ == Stopping::kNo) {
    for (Role role : kRoles) fill(role);
    hand_over();
    if (!was_ready_ && complete(current_)) become_ready();
  } else if (std::ranges::all_of(
                 children_, [](const auto& child) { return child->role == Role::kManagement; })) {
    for (const auto& child : children_) retire(*child, Leave::kQuick);
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  for (const auto& child : children_) {
    if (child->serving_since) {
      crashes_of(child->role).lives(child->started, now - *child->serving_since, crash_rule());
    }
    check_pulse(*child);
    press(*child);
  }
  if (stacks_) answer_stacks();
  if (report_) read_report();
  note_gauges();
}

void Arbiter::note_gauges() {
  const observe::MetricSlot slot{state_->metrics(), kArbiterSlot};
  if (Syslog* syslog = process_syslog(); syslog != nullptr) {
    slot.counter(metrics_.syslog_lost).add(syslog->tick());
  }
  int waiting = 0;
  for (const auto& listener : current_.listeners) {
    waiting += std::max(0, waiting_connections(listener->fd.get()));
  }
  slot.gauge(metrics_.backlog).set(waiting);
  for (Role role : kRoles) {
    const auto serving = std::ranges::count_if(children_, [role](const auto& child) {
      return child->role == role && child->stage == Stage::kServing;
    });
    slot.gauge(metrics_.workers[static_cast<std::size_t>(role)]).set(serving);
    const bool paused = crashes_of(role).pauses() && serving == 0;
    slot.gauge(metrics_.paused[static_cast<std::size_t>(role)]).set(paused ? 1 : 0);
    state_->server().why_paused[static_cast<std::size_t>(role)].write(
        paused ? fmt::format("{} workers keep dying, {} in a row, the last by {}; the next one "
                             "starts after a pause",
                             to_string(role), crashes_of(role).deaths(),
                             last_death_[static_cast<std::size_t>(role)])
               : "");
  }
}

// Starts what is missing of the newest generation, retires what is too much.
void Arbiter::fill(Role role) {
  const Generation& generation = newest();
  int have = count(role, generation.number, false);
  for (; have < generation.wanted_of(role); ++have) {
    const SteadyTime start = crashes_of(role).next_start();
    if (std::chrono::steady_clock::now() < start) return wake_at(start);
    spawn(role);
  }
  for (; have > generation.wanted_of(role); --have) {
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

void Arbiter::spawn(Role role) {
  auto child = start_child(role);
  if (!child) {
    log_error("a worker cannot be started: " + child.error().message());
    // Not the worker's fault, so nothing to stop for: try again after a pause.
    crashes_of(role).died(std::chrono::steady_clock::now(), Duration::zero(), crash_rule());
    return;
  }
  event("worker_started", fmt::format("{} pid {}", name_of(**child), (*child)->pid));
  children_.push_back(std::move(*child));
}

Result<std::unique_ptr<Child>> Arbiter::start_child(Role role) {
  const Generation& generation = newest();
  const auto slot = free_slot();
  if (!slot) {
    return fail(ErrorCode::kResourceExhausted,
                "all {} slots are taken; restart the server to have more workers", state_->slots());
  }
  int channel[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, channel) != 0) {
    return std::unexpected(errno_error(errno, "socketpair"));
  }
  auto child = std::make_unique<Child>();
  child->channel.reset(channel[0]);
  const unique_fd other_end(channel[1]);
  child->role = role;
  child->number = free_number(role);
  child->identity =
      fmt::format("{}/{:x}.{}", ::getpid(), started_.time_since_epoch().count(), ++spawned_);
  child->generation = generation.number;
  child->slot = *slot;
  child->started = std::chrono::steady_clock::now();

  ChildBoot boot{.role = role,
                 .number = child->number,
                 .identity = child->identity,
                 .arbiter = ::getpid(),
                 .settings = generation.settings,
                 .slot = *slot,
                 .slots = state_->slots(),
                 .state_fd = state_->fd(),
                 .channel_fd = other_end.get()};
  if (role == Role::kWeb) {
    for (const auto& listener : generation.listeners) {
      boot.listeners.push_back({listener->fd.get(), listener->where});
    }
  } else if (role == Role::kManagement) {
    boot.listeners.push_back({generation.management->fd.get(), generation.management->where});
  }
  auto message = write_boot(boot);
  if (!message) return std::unexpected(message.error());
  std::vector<int> keep{message->get(), boot.state_fd, boot.channel_fd};
  for (const BootListener& listener : boot.listeners) keep.push_back(listener.fd);
  std::vector<std::string> environment = environment_texts();
  environment.push_back(fmt::format("{}={}", kChildVariable, message->get()));

  SlotState& state = state_->slot(*slot);
  state.beat();
  state.role.store(static_cast<std::uint32_t>(role), std::memory_order_relaxed);
  state.number.store(child->number, std::memory_order_relaxed);
  state.not_ready.store(false, std::memory_order_relaxed);
  state.why_not_ready.write("");
  auto pid = spawn_program("/proc/self/exe", arguments_, environment, keep);
  if (!pid) return std::unexpected(pid.error());
  child->pid = *pid;
  state.pid.store(*pid, std::memory_order_relaxed);
  state.stage.store(Stage::kBooting, std::memory_order_relaxed);
  return child;
}

// A silent child is hung: it gets a signal on which it writes its stacks, then it is killed.
void Arbiter::check_pulse(Child& child) {
  const Duration timeout = newest().settings.duration("timeout");
  if (timeout == Duration::zero() || child.hung) return;
  const SlotState& state = state_->slot(child.slot);
  const Duration silent = state.since_beat();
  if (silent < timeout) return wake_at(std::chrono::steady_clock::now() + timeout - silent);
  log_error(
      fmt::format("worker {} is hung and is replaced; its stacks follow if it can write them",
                  name_of(child)),
      {{"pid", child.pid}, {"silent_seconds", std::chrono::duration<double>(silent).count()}});
  event("worker_hung", fmt::format("{} pid {}", name_of(child), child.pid));
  child.hung = true;
  child.patience = std::chrono::steady_clock::now() + kLastWords;
  ::kill(child.pid, SIGABRT);
}

// The next, harder step for a child that should be gone by now.
void Arbiter::press(Child& child) {
  if (!child.patience) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now < *child.patience) return wake_at(*child.patience);
  if (!child.hung && child.role == Role::kTask && !child.stop_sent) {
    log_info(fmt::format("worker {} puts its jobs back: the time to finish them is over",
                         name_of(child)),
             {{"pid", child.pid}});
    child.stop_sent = true;
    child.patience = now + kRequeueTime;
    ::kill(child.pid, SIGQUIT);
    return;
  }
  log_warning(fmt::format("worker {} did not leave in time and is killed", name_of(child)),
              {{"pid", child.pid}});
  child.patience = now + kLastWords;
  ::kill(child.pid, SIGKILL);
}

void Arbiter::retire(Child& child, Leave how) {
  const Settings& settings = newest().settings;
  const SteadyTime now = std::chrono::steady_clock::now();
  const bool drains = how == Leave::kDrain && child.role == Role::kTask;
  SteadyTime patience =
      now + (how == Leave::kQuick
                 ? (child.role == Role::kTask ? kRequeueTime : kLastWords)
                 : settings.duration(drains ? "drain-timeout" : "graceful-timeout"));
  const bool told = child.leaving();
  if (child.patience) patience = std::min(patience, *child.patience);
  child.patience = patience;
  child.stage = Stage::kLeaving;
  state_->slot(child.slot).stage.store(Stage::kLeaving, std::memory_order_relaxed);
  if (how == Leave::kQuick && !child.stop_sent) {
    child.stop_sent = true;
    ::kill(child.pid, SIGQUIT);
  } else if (!told) {
    ::kill(child.pid, SIGTERM);
  }
}

// Old workers leave when the new ones serve.
void Arbiter::hand_over() {
  if (pending_ && complete(*pending_)) commit_reload();
  for (const auto& child : children_) {
    if (child->retiring && !child->leaving() &&
        count(child->role, newest().number, true) >= newest().wanted_of(child->role)) {
      retire(*child, Leave::kDrain);
    }
  }
}

void Arbiter::become_ready() {
  was_ready_ = true;
  log_info(fmt::format("ready: {} web, {} task workers", current_.wanted_of(Role::kWeb),
                       current_.wanted_of(Role::kTask)));
  event("ready", "");
  systemd_.notify(fmt::format("READY=1\nMAINPID={}\nSTATUS=serving", ::getpid()));
  if (definition_.hooks.when_ready) definition_.hooks.when_ready(current_.settings);
}

void Arbiter::reap() {
  int status = 0;
  while (true) {
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    if (pid == successor_) {
      log_error(fmt::format("the upgraded arbiter has ended ({}{}); this one goes on",
                            how_it_ended(status), why_no_upgrade(status)));
      successor_ = 0;
      continue;
    }
    // As process 1, or after an exec, there may be children nobody here started.
    const auto child = std::ranges::find(children_, pid, [](const auto& c) { return c->pid; });
    if (child == children_.end()) {
      log_debug("a process that was not started here has ended",
                {{"pid", pid}, {"how", how_it_ended(status)}});
      continue;
    }
    // What it said before it died comes first.
    read_channels({{.fd = (*child)->channel.get(), .revents = POLLIN}});
    const std::unique_ptr<Child> dead = std::move(*child);
    children_.erase(child);
    note_exit(*dead, status);
  }
}

void Arbiter::note_exit(const Child& child, int status) {
  SlotState& slot = state_->slot(child.slot);
  slot.stage.store(Stage::kFree, std::memory_order_relaxed);
  slot.pid.store(0, std::memory_order_relaxed);
  state_->metrics().clear_gauges(child.slot);
  const bool expected = child.leaving() && !child.hung;
  if (definition_.hooks.child_exit) {
    definition_.hooks.child_exit(
        {child.role, child.number, child.pid, child.identity, status, expected});
  }
  const std::string text = fmt::format("worker {} ended: {}", name_of(child), how_it_ended(status));
  event("worker_ended",
        fmt::format("{} pid {}: {}", name_of(child), child.pid, how_it_ended(status)));
  // One that returns before it serves, whatever its status, has failed.
  if (expected || (status == 0 && child.serving_since)) {
    log_info(text, {{"pid", child.pid}});
    return;
  }
  log_error(text, {{"pid", child.pid}});
  observe::MetricSlot{state_->metrics(), kArbiterSlot}
      .counter(metrics_.deaths[static_cast<std::size_t>(child.role)])
      .add();
  if (stopping_ == Stopping::kNo) note_crash(child, status);
}

void Arbiter::note_crash(const Child& child, int status) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const CrashLoop::Rule rule = crash_rule();
  CrashLoop& crashes = crashes_of(child.role);
  std::optional<Duration> served;
  if (child.serving_since) served = now - *child.serving_since;
  crashes.died(now, served, rule);
  last_death_[static_cast<std::size_t>(child.role)] = how_it_ended(status);
  if (pending_ && child.generation == pending_->number) {
    // Perhaps somebody's kill -9; the same again and again is the new settings' fault.
    const bool by_kill = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (by_kill && !crashes.is_loop(rule)) return;
    return abandon_reload(fmt::format("worker {} ended: {}", name_of(child), how_it_ended(status)));
  }
  const bool starting = !was_ready_ || now - started_ < kStarting;
  if (starting && WIFEXITED(status) && WEXITSTATUS(status) == kExitBootFailed) {
    log(LogLevel::kCritical, "a worker cannot start, so the server stops; its message is above");
    exit_status_ = kExitBootFailed;
    return stop(Stopping::kQuick);
  }
  if (!crashes.is_loop(rule)) return;
  const std::string what = fmt::format(
      "{} workers keep dying: {} in a row before they served or within {:g} s of it, the last by "
      "{}",
      to_string(child.role), crashes.deaths(), std::chrono::duration<double>(rule.young).count(),
      how_it_ended(status));
  if (!was_ready_) {
    log(LogLevel::kCritical,
        what +
            ". The server stops, because it would only go on like this; the messages above say "
            "what each one met (settings crash-limit, crash-window)");
    exit_status_ = kExitFailure;
    return stop(Stopping::kQuick);
  }
  if (crashes.deaths() == rule.limit) {
    log_error(
        what +
        ". The server goes on, with pauses of up to 5 s before each new one. Requests or jobs "
        "may be what ends them; if the machine or the cgroup is out of memory, run fewer "
        "workers or give it more");
  }
}

CrashLoop::Rule Arbiter::crash_rule() {
  const Settings& settings = newest().settings;
  return {.limit = static_cast<int>(settings.integer("crash-limit")),
          .young = settings.duration("crash-window")};
}

void Arbiter::read_channels(const std::vector<pollfd>& polled) {
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

void Arbiter::on_message(Child& child, std::string_view message) {
  const std::string_view verb = message.substr(0, message.find(' '));
  const std::string_view rest = message.substr(std::min(verb.size() + 1, message.size()));
  if (verb == "ready" && child.stage == Stage::kBooting) {
    child.stage = Stage::kServing;
    child.serving_since = std::chrono::steady_clock::now();
    state_->slot(child.slot).stage.store(Stage::kServing, std::memory_order_relaxed);
    log_info(fmt::format("worker {} serves", name_of(child)), {{"pid", child.pid}});
  } else if (verb == "retire") {
    child.retiring = true;
    log_info(fmt::format("worker {} asks for a successor: {}", name_of(child), rest),
             {{"pid", child.pid}});
  } else if (verb == "stall") {
    if (auto report = stall_from_json(rest)) stalls_.report(std::move(*report));
  } else if (verb == "stacks") {
    note_stacks(child, rest);
  }
}

void Arbiter::to_all(int signal) {
  for (const auto& child : children_) ::kill(child->pid, signal);
}

unsigned Arbiter::free_number(Role role) const {
  for (unsigned number = 1;; ++number) {
    if (std::ranges::none_of(children_, [&](const auto& child) {
          return child->role == role && child->number == number;
        })) {
      return number;
    }
  }
}

std::optional<std::size_t> Arbiter::free_slot() const {
  for (std::size_t slot = kArbiterSlot + 1; slot < state_->slots(); ++slot) {
    if (std::ranges::none_of(children_, [&](const auto& child) { return child->slot == slot; })) {
      return slot;
    }
  }
  return std::nullopt;
}

int Arbiter::count(Role role, unsigned generation, bool serving_only) const {
  return static_cast<int>(std::ranges::count_if(children_, [&](const auto& child) {
    return child->role == role && child->generation == generation && !child->retiring &&
           !child->leaving() && (!serving_only || child->stage == Stage::kServing);
  }));
}

bool Arbiter::complete(const Generation& generation) const {
  return std::ranges::all_of(kRoles, [&](Role role) {
    return count(role, generation.number, true) >= generation.wanted_of(role);
  });
}

void Arbiter::set_wanted(Role role, int wanted) {
  Generation& generation = newest();
  const int before = generation.wanted_of(role);
  generation.wanted_of(role) = wanted;
  if (role != Role::kWeb) return;
  state_->server().web_workers_wanted.store(wanted, std::memory_order_relaxed);
  if (wanted != before && definition_.hooks.nworkers_changed) {
    definition_.hooks.nworkers_changed(before, wanted);
  }
}

}  // namespace saola::server
