// The life of a server:
//
//              start()        every wanted worker serves
//   starting ─────────► filling ───────────────────────► serving
//       │                  │                                │ TERM, with --shutdown-delay
//       │ an error         │ a worker cannot boot,          ▼
//       ▼                  │ or they keep dying         delaying   (/readyz is 503)
//    exit 1                ▼                                │ the delay is over
//            stopping, quick ◄───────────────┐              ▼
//                          │                 └─ stopping, gracefully ◄── TERM, without a delay
//                          ▼                                ▼
//                          └── the last child has gone: exit ┘
//
// INT, QUIT and a second TERM lead to "stopping, quick" from everywhere.
//
//   state                  stopping     besides
//   filling                kNo          !was_ready
//   serving                kNo          was_ready; generations.pending while a reload is under way
//   delaying               kNo          stop_at
//   stopping, gracefully   kGraceful
//   stopping, quick        kQuick
//
// Signals, messages of children, control requests and dead children only change what is wanted:
// stopping, stop_at, Generation::wanted, a child's stage. supervise(), once a turn of the loop,
// then compares what is wanted with what there is and takes the next steps. So it does not matter
// in which order things come, and a step that fails is taken again at the next turn.
//
// Invariants:
//
//   * One thread, which waits in wait()'s poll() and nowhere else: a hook, a control request and a
//     reload run between two polls, so each must be short. Who wants to be asked at a time says so
//     with wake_at(); else the loop turns once a second.
//   * stop() alone changes `stopping`, and only forward: kNo, kGraceful, kQuick. From then on no
//     child is started, and a pending reload is forgotten.
//   * The fleet alone starts, signals and forgets children (fleet.hpp has their states). Children
//     of two generations at most live at one time beside those that leave.
//   * Listening sockets belong to generations and close with the last one that has them. Unix
//     sockets lose their names after the last child has gone.
//   * The management process answers for the others, so it leaves last.
//   * While an older arbiter lives beside this one (predecessor), it has the names of the pid file
//     and the control socket; this one's end in ".2".

#include "arbiter/arbiter.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include <saola/base/cores.hpp>
#include <saola/base/log.hpp>
#include <saola/server/server_settings.hpp>

#include "fleet/log_files.hpp"
#include "fleet/upgrade.hpp"
#include "log/process_log.hpp"
#include "process/child_boot.hpp"
#include "process/privileges.hpp"
#include "settings/parsed_settings.hpp"

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
  // A write that a peer or a limit on files refuses is an error of that write.
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_IGN);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
    return fail(errno_error(errno, "sigprocmask"));
  }
  unique_fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail(errno_error(errno, "signalfd"));
  return fd;
}

// A task worker's function may need this long to find out that it cannot work.
constexpr Duration kStarting = std::chrono::seconds(10);

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

}  // namespace

Arbiter::Arbiter(const ServerDefinition& definition, const SettingsTable& table, Settings settings,
                 std::vector<std::string> flags)
    : server_(definition, table, std::move(flags)),
      fleet_(server_, *this),
      listeners_(server_),
      reload_(server_, fleet_, listeners_, [this] { apply_settings(); }),
      control_(server_, fleet_, *this) {
  server_.generations.current.settings = std::move(settings);
}

int Arbiter::run() {
  if (auto started = start(); !started) {
    log(LogLevel::kCritical, started.error().message());
    return kExitFailure;
  }
  while (server_.stopping == Stopping::kNo || !fleet_.empty()) {
    supervise();
    wait();
  }
  log_info("stopped", {{"status", exit_status_}});
  if (server_.definition.hooks.on_exit)
    server_.definition.hooks.on_exit(server_.generations.current.settings);
  for (const OwnFile& file : remove_) file.remove();
  return exit_status_;
}

Result<void> Arbiter::start() {
  const Settings& settings = server_.generations.current.settings;
  title_.set(title());
  if (!settings.get(setting::kChdir).empty() &&
      ::chdir(settings.get(setting::kChdir).c_str()) != 0) {
    return fail(errno_error(errno, "--chdir " + settings.get(setting::kChdir)));
  }
  set_umask(settings);
  auto privileges = find_privileges(settings.get(setting::kUser), settings.get(setting::kGroup));
  if (!privileges) return fail(privileges);
  if (auto made = make_state_directory(settings, *privileges); !made) return made;
  if (auto opened = open_log_files(settings); !opened) return opened;
  if (server_.definition.hooks.on_starting) server_.definition.hooks.on_starting(settings);

  auto signals = open_signals();
  if (!signals) return fail(signals);
  signals_ = std::move(*signals);

  if (auto taken = listeners_.take_inherited(); !taken) return taken;
  auto generation = listeners_.open(settings, nullptr);
  if (!generation) return fail(generation);
  server_.generations.current = std::move(*generation);
  listeners_.close_inherited();

  const int workers = server_.generations.current.wanted[Role::kWeb] +
                      server_.generations.current.wanted[Role::kTask];
  auto state =
      SharedState::create(server_.metric_table, static_cast<std::size_t>(256 + 4 * workers));
  if (!state) return fail(state);
  server_.state.emplace(std::move(*state));
  fleet_.set_wanted(Role::kWeb, server_.generations.current.wanted[Role::kWeb]);
  if (auto written = write_pid_file(); !written) return written;
  if (auto opened = open_control(); !opened) return opened;
  announce();
  return {};
}

void Arbiter::reopen_logs() {
  log_reopen();
  if (auto opened = open_log_files(server_.generations.current.settings); !opened) {
    log_warning(opened.error().message());
  }
  fleet_.signal_all(SIGUSR1);
}

Result<void> Arbiter::write_pid_file() {
  std::string path = server_.generations.current.settings.get(setting::kPidfile);
  // Until the arbiter before this one has gone, the name is its.
  if (!path.empty() && server_.predecessor != 0) path += ".2";
  if (path == pid_file_.path()) return {};
  PidFile fresh;
  if (!path.empty()) {
    auto file = PidFile::write(path);
    if (!file) return fail(file);
    fresh = std::move(*file);
  }
  pid_file_ = std::move(fresh);
  return {};
}

Result<void> Arbiter::open_control() {
  const Settings& settings = server_.generations.current.settings;
  std::string path = settings.get(setting::kControlSocket);
  if (path == "none") return {};
  if (path == "auto") path = settings.get(setting::kStateDir) + "/control.sock";
  // Until the arbiter before this one has gone, the name is its.
  return control_.open(server_.predecessor == 0 ? path : path + ".2");
}

// The effective model in words, so that nothing is changed silently.
void Arbiter::announce() {
  const Settings& settings = server_.generations.current.settings;
  const WorkerClass kind = worker_class(settings);
  log_info(fmt::format("{} {} starting", server_.definition.name, server_.definition.version));
  for (const auto& listener : server_.generations.current.listeners)
    log_info("listening on " + listener->where);
  for (const std::string& line : describe_trust(settings, server_.generations.current.credentials,
                                                server_.generations.current.addresses())) {
    log_info(line);
  }
  if (server_.generations.current.management) {
    log_info(
        fmt::format("management on {}: /healthz /readyz /metrics, for everybody who can connect",
                    server_.generations.current.management->where));
  }
  if (const auto* socket = control_.socket()) log_info("control socket " + socket->path());
  if (to_string(kind) != settings.get(setting::kWorkerClass)) {
    log_info(fmt::format("worker class {} is {} here", settings.get(setting::kWorkerClass),
                         to_string(kind)));
  }
  const unsigned cores = allowed_cores();
  std::string how;
  switch (kind) {
    case WorkerClass::kGreen:
      how = fmt::format("requests run on fibers; on a stall over {} ms: {}",
                        settings.get(setting::kStallThresholdMs), settings.get(setting::kOnStall));
      break;
    case WorkerClass::kThreads:
      how = fmt::format("up to {} requests at a time on native threads",
                        settings.get(setting::kThreads));
      break;
    case WorkerClass::kSync:
      how = "one request at a time";
      break;
  }
  log_info(fmt::format("web workers: {} of class {}, each: {}",
                       server_.generations.current.wanted[Role::kWeb], to_string(kind), how));
  if (server_.definition.task) {
    const int processes = server_.generations.current.wanted[Role::kTask];
    const auto threads = settings.get(setting::kTaskThreads);
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
  if (server_.definition.describe) {
    for (const std::string& line : server_.definition.describe(settings)) log_info(line);
  }
}

void Arbiter::supervise() {
  finish_upgrade();
  if (server_.stopping == Stopping::kNo && server_.stop_at) stop(Stopping::kGraceful);
  if (server_.stopping == Stopping::kNo) {
    for (Role role : kSupervisedRoles) fleet_.fill(role);
    reload_.advance();
    fleet_.retire_replaced();
    if (!server_.was_ready && fleet_.complete(server_.generations.current)) become_ready();
  } else if (std::ranges::all_of(fleet_.children(), [](const auto& child) {
               return child->role == Role::kManagement;
             })) {
    for (const auto& child : fleet_.children()) fleet_.retire(*child, Leave::kQuick);
  }
  fleet_.look_after();
  control_.advance();

  fleet_.note_metrics();
  if (Syslog* syslog = process_syslog(); syslog != nullptr) {
    server_.slot().counter(server_.metrics.syslog_lost).add(syslog->tick());
  }
  int waiting = 0;
  for (const auto& listener : server_.generations.current.listeners) {
    waiting += std::max(0, waiting_connections(listener->fd.get()));
  }
  server_.slot().gauge(server_.metrics.backlog).set(waiting);
}

void Arbiter::become_ready() {
  server_.was_ready = true;
  log_info(fmt::format("ready: {} web, {} task workers",
                       server_.generations.current.wanted[Role::kWeb],
                       server_.generations.current.wanted[Role::kTask]));
  server_.event("ready", "");
  server_.systemd.notify(fmt::format("READY=1\nMAINPID={}\nSTATUS=serving", ::getpid()));
  if (server_.definition.hooks.when_ready)
    server_.definition.hooks.when_ready(server_.generations.current.settings);
}

void Arbiter::wait() {
  std::vector<pollfd> polled{{.fd = signals_.get(), .events = POLLIN}};
  fleet_.watch(polled);
  control_.watch(polled);
  const Duration left = server_.wake - std::chrono::steady_clock::now();
  // Rounded up: waking early would only turn the loop once more.
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  if (::poll(polled.data(), polled.size(), static_cast<int>(std::clamp<long>(ms, 0, 60'000))) > 0) {
    fleet_.read(polled);
    take_signals();
    control_.serve(polled);
  }
  server_.wake = std::chrono::steady_clock::now() + kTick;
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
      return stop(server_.stopping == Stopping::kNo && !server_.stop_at ? Stopping::kGraceful
                                                                        : Stopping::kQuick);
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
      return fleet_.set_wanted(Role::kWeb, server_.generations.newest().wanted[Role::kWeb] + 1);
    case SIGTTOU:
      return fleet_.set_wanted(Role::kWeb,
                               std::max(1, server_.generations.newest().wanted[Role::kWeb] - 1));
    case SIGUSR1:
      return reopen_logs();
    case SIGUSR2:
      if (auto upgraded = upgrade(); !upgraded) log_error(upgraded.error().message());
      return;
    case SIGWINCH:
      // The terminal sends it too, when its window changes: that one means nothing.
      if (signal.ssi_code == SI_KERNEL) return;
      log_info("workers leave, the arbiter stays; HUP brings them back");
      for (Role role : {Role::kWeb, Role::kTask}) fleet_.set_wanted(role, 0);
      return;
    default:
      return;
  }
}

void Arbiter::reap() {
  int status = 0;
  while (true) {
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    if (pid == server_.successor) {
      log_error(fmt::format("the upgraded arbiter has ended ({}{}); this one goes on",
                            how_it_ended(status), why_no_upgrade(status)));
      server_.successor = 0;
    } else if (!fleet_.reap(pid, status)) {
      // As process 1, or after an exec, there may be children nobody here started.
      log_debug("a process that was not started here has ended",
                {{"pid", pid}, {"how", how_it_ended(status)}});
    }
  }
}

// An uninvited end: wait, give up a reload, or give up altogether.
void Arbiter::on_crash(const Child& child, int status) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const CrashLoop::Rule rule = fleet_.crash_rule();
  const CrashLoop& crashes = fleet_.crashes_of(child.role);
  if (server_.generations.pending && child.generation == server_.generations.pending->number) {
    // Perhaps somebody's kill -9; the same again and again is the new settings' fault.
    const bool by_kill = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (by_kill && !crashes.is_loop(rule)) return;
    return reload_.abandon(
        fmt::format("worker {} ended: {}", name_of(child), how_it_ended(status)));
  }
  const bool starting = !server_.was_ready || now - server_.started < kStarting;
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
  if (!server_.was_ready) {
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

void Arbiter::on_answer(const Child& child, std::string_view number) {
  control_.note_answer(child, number);
}

// True while a graceful stop has to wait: readiness is 503 by now, everything else is as before.
bool Arbiter::delays_stop() {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!server_.stop_at) {
    const Duration delay = server_.generations.current.settings.get(setting::kShutdownDelay);
    // The other arbiter of an upgrade goes on serving, and nobody may count on one not ready yet.
    const bool others_serve = server_.successor != 0 || server_.predecessor != 0;
    if (delay == Duration::zero() || others_serve || !server_.was_ready) return false;
    server_.stop_at = now + delay;
    log_info(fmt::format("told to stop: not ready any more, serving for {:g} s yet",
                         std::chrono::duration<double>(delay).count()));
  }
  if (now < *server_.stop_at) server_.wake_at(*server_.stop_at);
  return now < *server_.stop_at;
}

void Arbiter::stop(Stopping how) {
  if (server_.stopping == how || server_.stopping == Stopping::kQuick) return;
  const bool delayed = how == Stopping::kGraceful && delays_stop();
  server_.state->server().stopping.store(true, std::memory_order_relaxed);
  if (delayed) return;
  log_info(how == Stopping::kQuick ? "stopping at once" : "stopping: finishing what is running");
  server_.systemd.notify("STOPPING=1");
  server_.stopping = how;
  server_.state->server().closing.store(server_.successor == 0 && server_.predecessor == 0,
                                        std::memory_order_relaxed);
  server_.generations.pending.reset();
  // Nobody accepts any more, so the kernel shall not either.
  remove_ = listeners_.own_files(server_.generations.current);
  server_.generations.current.listeners.clear();
  Leave leave = how == Stopping::kQuick ? Leave::kQuick : Leave::kGraceful;
  if (leave == Leave::kGraceful && server_.successor != 0) leave = Leave::kDrain;
  for (const auto& child : fleet_.children()) {
    if (child->role != Role::kManagement) fleet_.retire(*child, leave);
  }
}

void Arbiter::apply_settings() {
  const Settings& settings = server_.generations.current.settings;
  set_umask(settings);
  title_.set(title());
  const int backlog = static_cast<int>(settings.get(setting::kBacklog));
  for (const auto& listener : server_.generations.current.listeners) {
    // Others' sockets keep what they came with.
    const bool ours =
        !listeners_.from_systemd() && listener->asked.kind != BindAddress::Kind::kInherited;
    if (ours) ::listen(listener->fd.get(), backlog);
  }
  const auto access = socket_access(settings);
  for (const OwnFile& file : listeners_.own_files(server_.generations.current)) {
    if (!access || file.path().empty()) continue;
    if (auto set = file.set_access(access->user, access->group, access->mode); !set) {
      log_warning(set.error().message());
    }
  }
  if (auto written = write_pid_file(); !written) {
    log_warning(written.error().message() + "; the old one stays");
  }
}

Result<void> Arbiter::upgrade() {
  if (server_.successor != 0 || server_.predecessor != 0) {
    return fail(ErrorCode::kConflict,
                "an upgrade is under way already; stop the older or the newer arbiter first");
  }
  if (::getpid() == 1) {
    return fail(
        ErrorCode::kUnsupported,
        "there is no upgrade for process 1: when this arbiter left for the new one, everything "
        "in the container would end. Start a new container instead");
  }
  std::vector<std::shared_ptr<const Listener>> listeners = server_.generations.current.listeners;
  if (server_.generations.current.management)
    listeners.push_back(server_.generations.current.management);
  std::vector<int> keep;
  for (const auto& listener : listeners) keep.push_back(listener->fd.get());
  std::string here(4096, '\0');
  const bool moved =
      ::getcwd(here.data(), here.size()) != nullptr && ::chdir(server_.directory.c_str()) == 0;
  auto pid = spawn_program(
      server_.program, server_.arguments,
      upgrade_environment(listeners, listeners_.from_systemd(), server_.systemd.path()), keep);
  if (moved && ::chdir(here.c_str()) != 0) log_warning("the working directory has gone");
  if (!pid) return fail(pid);
  server_.successor = *pid;
  log_info("upgrading: a new arbiter starts beside this one", {{"pid", server_.successor}});
  server_.event("upgrade", fmt::format("pid {}", server_.successor));
  return {};
}

void Arbiter::finish_upgrade() {
  if (server_.predecessor == 0 || ::getppid() == server_.predecessor) return;
  log_info("the arbiter before this one has gone", {{"pid", server_.predecessor}});
  server_.predecessor = 0;
  const auto without_suffix = [](const std::string& path) {
    return path.substr(0, path.size() - 2);
  };
  if (!pid_file_.path().empty()) {
    if (auto moved = pid_file_.move_to(without_suffix(pid_file_.path())); !moved) {
      log_warning(moved.error().message());
    }
  }
  if (ControlServer* socket = control_.socket()) {
    if (auto moved = socket->move_to(without_suffix(socket->path())); !moved) {
      log_warning(moved.error().message());
    }
  }
}

std::string Arbiter::title() const {
  const std::string& given = server_.generations.current.settings.get(setting::kProcName);
  return (given.empty() ? server_.definition.name : given) + ": arbiter";
}

}  // namespace saola::server
