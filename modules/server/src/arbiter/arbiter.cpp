#include "arbiter/arbiter.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <saola/base/cores.hpp>
#include <saola/base/log.hpp>

#include "arbiter/upgrade.hpp"
#include "process/privileges.hpp"
#include "settings/worker_class.hpp"

namespace saola::server {
namespace {

constexpr std::array kSignals{SIGTERM, SIGINT,  SIGQUIT, SIGHUP,   SIGTTIN,
                              SIGTTOU, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD};
// The loop looks around at least this often.
constexpr Duration kTick = std::chrono::seconds(1);

// Signals only queue: they are blocked and read from this descriptor.
Result<unique_fd> open_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (int signal : kSignals) ::sigaddset(&set, signal);
  ::signal(SIGPIPE, SIG_IGN);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
    return std::unexpected(errno_error(errno, "sigprocmask"));
  }
  unique_fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return std::unexpected(errno_error(errno, "signalfd"));
  return fd;
}

// The path behind /proc/self/exe now; after a deploy the link says "(deleted)".
std::string program_path() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

std::string current_directory() {
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

// What workers write must be theirs when they run as somebody else.
void give_to_workers(const std::string& path, const Privileges& privileges) {
  if (!privileges.user && !privileges.group) return;
  if (::chown(path.c_str(), privileges.user.value_or(static_cast<uid_t>(-1)),
              privileges.group.value_or(static_cast<gid_t>(-1))) != 0) {
    log_warning(fmt::format("{} cannot be given to the workers' user", path));
  }
}

Result<void> make_state_directory(const Settings& settings, const Privileges& privileges) {
  std::error_code error;
  const std::string& path = settings.text("state-dir");
  const bool made = std::filesystem::create_directories(path, error);
  if (error) {
    return fail(ErrorCode::kPermissionDenied,
                "the state directory {} cannot be made: {}; choose another --state-dir", path,
                error.message());
  }
  if (made) give_to_workers(path, privileges);
  return {};
}

}  // namespace

Arbiter::Arbiter(const ServerDefinition& definition, const SettingsTable& table, Settings settings,
                 std::vector<std::string> flags)
    : definition_(definition),
      table_(table),
      flags_(std::move(flags)),
      arguments_(original_arguments()),
      program_(program_path()),
      directory_(current_directory()),
      started_(std::chrono::steady_clock::now()),
      metrics_(ServerMetrics::add_to(metric_table_)) {
  if (definition.metrics) definition.metrics(metric_table_);
  current_.settings = std::move(settings);
}

int Arbiter::run() {
  if (auto started = start(); !started) {
    log(LogLevel::kCritical, started.error().message());
    return kExitFailure;
  }
  while (stopping_ == Stopping::kNo || !children_.empty()) {
    supervise();
    wait();
  }
  log_info("stopped", {{"status", exit_status_}});
  if (definition_.hooks.on_exit) definition_.hooks.on_exit(current_.settings);
  for (const std::string& path : unlink_) ::unlink(path.c_str());
  return exit_status_;
}

Result<void> Arbiter::start() {
  const Settings& settings = current_.settings;
  title_.set(title());
  if (!settings.text("chdir").empty() && ::chdir(settings.text("chdir").c_str()) != 0) {
    return std::unexpected(errno_error(errno, "--chdir " + settings.text("chdir")));
  }
  set_umask(settings);
  auto privileges = find_privileges(settings.text("user"), settings.text("group"));
  if (!privileges) return std::unexpected(privileges.error());
  if (auto made = make_state_directory(settings, *privileges); !made) return made;
  if (auto opened = open_log_files(settings); !opened) return opened;
  if (definition_.hooks.on_starting) definition_.hooks.on_starting(settings);

  auto signals = open_signals();
  if (!signals) return std::unexpected(signals.error());
  signals_ = std::move(*signals);

  UpgradeOrigin origin = take_upgrade_origin();
  predecessor_ = origin.arbiter;
  inherited_ = std::move(origin.listeners);
  systemd_sockets_ = origin.from_systemd;
  for (unique_fd& socket : take_systemd_sockets()) {
    const std::string where = local_address(socket.get());
    auto listener =
        adopt_listener(std::move(socket), BindAddress::parse(where).value_or(BindAddress()));
    if (!listener) return std::unexpected(std::move(listener.error()).wrap("systemd's socket"));
    inherited_.push_back(std::move(*listener));
    systemd_sockets_ = true;
  }
  auto generation = open_generation(settings, nullptr);
  if (!generation) return std::unexpected(generation.error());
  current_ = std::move(*generation);
  inherited_.clear();

  const int workers = current_.wanted_of(Role::kWeb) + current_.wanted_of(Role::kTask);
  auto state = SharedState::create(metric_table_, static_cast<std::size_t>(256 + 4 * workers));
  if (!state) return std::unexpected(state.error());
  state_.emplace(std::move(*state));
  set_wanted(Role::kWeb, current_.wanted_of(Role::kWeb));
  if (auto written = write_pid_file(); !written) return written;
  if (auto opened = open_control(); !opened) return opened;
  announce();
  return {};
}

// Makes the log files that are missing, so that workers of another user can open them.
Result<void> Arbiter::open_log_files(const Settings& settings) {
  auto privileges = find_privileges(settings.text("user"), settings.text("group"));
  if (!privileges) return std::unexpected(privileges.error());
  for (const char* key : {"log-file", "access-log"}) {
    const std::string& path = settings.text(key);
    if (path.empty() || path == "-") continue;
    const unique_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!file)
      return std::unexpected(errno_error(errno, fmt::format("cannot open --{} {}", key, path)));
    give_to_workers(path, *privileges);
  }
  return {};
}

void Arbiter::reopen_logs() {
  log_reopen();
  if (auto opened = open_log_files(current_.settings); !opened) {
    log_warning(opened.error().message());
  }
  to_all(SIGUSR1);
}

Result<void> Arbiter::write_pid_file() {
  std::string path = current_.settings.text("pidfile");
  // Until the arbiter before this one has gone, the name is its.
  if (!path.empty() && predecessor_ != 0) path += ".2";
  if (path == pid_file_.path()) return {};
  PidFile fresh;
  if (!path.empty()) {
    auto file = PidFile::write(path);
    if (!file) return std::unexpected(file.error());
    fresh = std::move(*file);
  }
  pid_file_ = std::move(fresh);
  return {};
}

Result<void> Arbiter::open_control() {
  const Settings& settings = current_.settings;
  std::string path = settings.text("control-socket");
  if (path == "none") return {};
  if (path == "auto") path = settings.text("state-dir") + "/control.sock";
  // Until the arbiter before this one has gone, the name is its.
  auto control = ControlServer::open(predecessor_ == 0 ? path : path + ".2");
  if (!control) return std::unexpected(control.error());
  control_.emplace(std::move(*control));
  return {};
}

Result<std::shared_ptr<const Listener>> Arbiter::listener_for(const std::string& bind,
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
  auto listener = open_listener(asked, {.backlog = static_cast<int>(settings.integer("backlog")),
                                        .reuse_port = settings.boolean("reuse-port")});
  if (!listener) return std::unexpected(listener.error());
  auto privileges = find_privileges(settings.text("user"), settings.text("group"));
  if (!privileges) return std::unexpected(privileges.error());
  if (asked.kind == BindAddress::Kind::kUnix) give_to_workers(asked.path, *privileges);
  return std::make_shared<const Listener>(std::move(*listener));
}

std::vector<std::string> Arbiter::own_socket_files(const Generation& generation) const {
  std::vector<std::string> paths;
  if (successor_ != 0 || predecessor_ != 0 || systemd_sockets_) return paths;
  for (const auto& listener : generation.listeners) {
    if (listener->asked.kind == BindAddress::Kind::kUnix) paths.push_back(listener->asked.path);
  }
  return paths;
}

Result<Generation> Arbiter::open_generation(Settings settings, const Generation* reuse) {
  Generation out;
  out.number = ++generations_;
  if (auto found = find_privileges(settings.text("user"), settings.text("group")); !found) {
    return std::unexpected(found.error());
  }
  if (systemd_sockets_ && settings.origin("bind") == "default") {
    for (Listener& listener : inherited_) {
      out.listeners.push_back(std::make_shared<const Listener>(std::move(listener)));
    }
    inherited_.clear();
    if (reuse != nullptr) out.listeners = reuse->listeners;
  } else {
    for (const std::string& bind : settings.list("bind")) {
      auto listener = listener_for(bind, reuse, out, settings);
      if (!listener) return std::unexpected(listener.error());
      out.listeners.push_back(std::move(*listener));
    }
  }
  if (const std::string& bind = settings.text("management-bind"); !bind.empty()) {
    auto listener = listener_for(bind, reuse, out, settings);
    if (!listener) return std::unexpected(listener.error());
    out.management = std::move(*listener);
  }
  const auto workers = [&](std::string_view key) {
    const auto number = settings.integer(key);
    return number < 0 ? static_cast<int>(allowed_cores()) : static_cast<int>(number);
  };
  out.wanted_of(Role::kWeb) = definition_.web ? workers("workers") : 0;
  out.wanted_of(Role::kTask) = definition_.task ? workers("task-workers") : 0;
  out.wanted_of(Role::kManagement) = out.management ? 1 : 0;
  out.settings = std::move(settings);
  return out;
}

// The effective model in words, so that nothing is changed silently.
void Arbiter::announce() {
  const Settings& settings = current_.settings;
  const WorkerClass worker_class = *parse_worker_class(settings.text("worker-class"));
  log_info(fmt::format("{} {} starting", definition_.name, definition_.version));
  for (const auto& listener : current_.listeners) log_info("listening on " + listener->where);
  if (current_.management) {
    log_info(
        fmt::format("management on {}: /healthz /readyz /metrics", current_.management->where));
  }
  if (control_) log_info("control socket " + control_->path());
  if (to_string(worker_class) != settings.text("worker-class")) {
    log_info(fmt::format("worker class {} is {} here", settings.text("worker-class"),
                         to_string(worker_class)));
  }
  const unsigned cores = allowed_cores();
  std::string how;
  switch (worker_class) {
    case WorkerClass::kGreen:
      how = fmt::format("requests run on fibers; on a stall over {} ms: {}",
                        settings.integer("stall-threshold-ms"), settings.text("on-stall"));
      break;
    case WorkerClass::kThreads:
      how =
          fmt::format("up to {} requests at a time on native threads", settings.integer("threads"));
      break;
    case WorkerClass::kSync:
      how = "one request at a time";
      break;
  }
  log_info(fmt::format("web workers: {} of class {}, each: {}", current_.wanted_of(Role::kWeb),
                       to_string(worker_class), how));
  if (definition_.task) {
    const int processes = current_.wanted_of(Role::kTask);
    const auto threads = settings.integer("task-threads");
    const auto jobs = processes * threads;
    std::string cost = fmt::format(
        "task workers: {} × {} thread{} = {} job{} at a time on {} core{}", processes, threads,
        threads == 1 ? "" : "s", jobs, jobs == 1 ? "" : "s", cores, cores == 1 ? "" : "s");
    if (jobs > cores) {
      cost += fmt::format("; when all compute, each takes {:.1f} times as long as alone",
                          static_cast<double>(jobs) / cores);
    }
    log_info(cost + "; web workers keep priority");
  }
  if (definition_.describe) {
    for (const std::string& line : definition_.describe(settings)) log_info(line);
  }
}

void Arbiter::wait() {
  std::vector<pollfd> polled{{.fd = signals_.get(), .events = POLLIN}};
  for (const auto& child : children_) {
    if (child->channel) polled.push_back({.fd = child->channel.get(), .events = POLLIN});
  }
  if (report_) polled.push_back({.fd = report_->out.get(), .events = POLLIN});
  if (control_) control_->watch(polled);
  const Duration left = wake_ - std::chrono::steady_clock::now();
  // Rounded up: waking early would only turn the loop once more.
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  if (::poll(polled.data(), polled.size(), static_cast<int>(std::clamp<long>(ms, 0, 60'000))) > 0) {
    read_channels(polled);
    take_signals();
    if (control_) serve_control(polled);
  }
  wake_ = std::chrono::steady_clock::now() + kTick;
}

void Arbiter::take_signals() {
  signalfd_siginfo signal{};
  while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) on_signal(signal);
}

void Arbiter::on_signal(const signalfd_siginfo& signal) {
  const int number = static_cast<int>(signal.ssi_signo);
  if (number == SIGCHLD) return reap();
  log_info(fmt::format("signal {}", ::sigabbrev_np(number)));
  switch (number) {
    case SIGTERM:
      return stop(stopping_ == Stopping::kNo ? Stopping::kGraceful : Stopping::kQuick);
    case SIGINT:
    case SIGQUIT:
      return stop(Stopping::kQuick);
    case SIGHUP:
      if (auto reloaded = reload(); !reloaded) {
        log_error("the reload is refused, everything stays as it was: " +
                  reloaded.error().message());
      }
      return;
    case SIGTTIN:
      return set_wanted(Role::kWeb, newest().wanted_of(Role::kWeb) + 1);
    case SIGTTOU:
      return set_wanted(Role::kWeb, std::max(1, newest().wanted_of(Role::kWeb) - 1));
    case SIGUSR1:
      return reopen_logs();
    case SIGUSR2:
      if (auto upgraded = upgrade(); !upgraded) log_error(upgraded.error().message());
      return;
    case SIGWINCH:
      // The terminal sends it too, when its window changes: that one means nothing.
      if (signal.ssi_code == SI_KERNEL) return;
      log_info("workers leave, the arbiter stays; HUP brings them back");
      for (Role role : {Role::kWeb, Role::kTask}) set_wanted(role, 0);
      return;
    default:
      return;
  }
}

void Arbiter::stop(Stopping how) {
  if (stopping_ == how || stopping_ == Stopping::kQuick) return;
  log_info(how == Stopping::kQuick ? "stopping at once" : "stopping: finishing what is running");
  systemd_.notify("STOPPING=1");
  stopping_ = how;
  state_->server().stopping.store(true, std::memory_order_relaxed);
  state_->server().closing.store(successor_ == 0 && predecessor_ == 0, std::memory_order_relaxed);
  pending_.reset();
  // Nobody accepts any more, so the kernel shall not either.
  unlink_ = own_socket_files(current_);
  current_.listeners.clear();
  Leave leave = how == Stopping::kQuick ? Leave::kQuick : Leave::kGraceful;
  if (leave == Leave::kGraceful && successor_ != 0) leave = Leave::kDrain;
  for (const auto& child : children_) {
    if (child->role != Role::kManagement) retire(*child, leave);
  }
}

void Arbiter::finish_upgrade() {
  if (predecessor_ == 0 || ::getppid() == predecessor_) return;
  log_info("the arbiter before this one has gone", {{"pid", predecessor_}});
  predecessor_ = 0;
  const auto without_suffix = [](const std::string& path) {
    return path.substr(0, path.size() - 2);
  };
  if (!pid_file_.path().empty()) {
    if (auto moved = pid_file_.move_to(without_suffix(pid_file_.path())); !moved) {
      log_warning(moved.error().message());
    }
  }
  if (control_) {
    if (auto moved = control_->move_to(without_suffix(control_->path())); !moved) {
      log_warning(moved.error().message());
    }
  }
}

std::string Arbiter::title() const {
  const std::string& given = current_.settings.text("proc-name");
  return (given.empty() ? definition_.name : given) + ": arbiter";
}

}  // namespace saola::server
