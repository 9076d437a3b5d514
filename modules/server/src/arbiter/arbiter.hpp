// The arbiter: one process, one thread, one poll loop. It opens the listening sockets and never
// touches a client's; it starts workers, watches them, replaces them, and answers signals and the
// control socket.
//
//   arbiter.cpp           start, loop, signals, stop
//   arbiter_children.cpp  start, watch, retire and reap children
//   arbiter_reload.cpp    HUP and USR2
//   arbiter_control.cpp   what the control socket asks
//   arbiter_report.cpp    what it asks about jobs
#pragma once

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/types.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/base/time.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/observe/event_ring.hpp>
#include <saola/observe/stall_log.hpp>
#include <saola/server/server.hpp>

#include "arbiter/crash_loop.hpp"
#include "arbiter/pid_file.hpp"
#include "arbiter/systemd.hpp"
#include "control/control_server.hpp"
#include "process/child_boot.hpp"
#include "process/process_title.hpp"
#include "process/server_metrics.hpp"
#include "process/shared_state.hpp"
#include "settings/bind_address.hpp"

namespace saola::server {

inline constexpr std::array kRoles{Role::kWeb, Role::kTask, Role::kManagement};

// The server's and the application's checks of settings together, before a start and a reload.
Result<void> check_settings(const ServerDefinition& definition, const Settings& settings);

// The settings in force with what was opened for them.
struct Generation {
  unsigned number = 0;
  Settings settings;
  // Shared because a reload keeps a listener that the settings before it use as well; the last
  // generation that uses one closes it.
  std::vector<std::shared_ptr<const Listener>> listeners;
  std::shared_ptr<const Listener> management;  // or null
  std::array<int, kRoles.size()> wanted{};     // workers by role

  int& wanted_of(Role role) { return wanted[static_cast<std::size_t>(role)]; }
  int wanted_of(Role role) const { return wanted[static_cast<std::size_t>(role)]; }
};

struct Child {
  Role role;
  unsigned number;
  std::string identity;
  unsigned generation;
  std::size_t slot;
  pid_t pid;
  unique_fd channel;
  SteadyTime started;
  std::optional<SteadyTime> serving_since;
  Stage stage = Stage::kBooting;
  bool retiring = false;   // asked for a successor (max-requests): told to leave when it is there
  bool hung = false;       // killed for its silence
  bool stop_sent = false;  // a task worker that was told to put its jobs back
  std::optional<SteadyTime> patience;  // when the next, harder step is due

  bool leaving() const { return stage == Stage::kLeaving; }
};

class Arbiter {
 public:
  Arbiter(const ServerDefinition& definition, const SettingsTable& table, Settings settings,
          std::vector<std::string> flags);

  // Until the server has ended; the exit status.
  int run();

 private:
  enum class Stopping { kNo, kGraceful, kQuick };
  // How a child is asked to leave: at once; within --graceful-timeout; or, a task worker after a
  // reload or upgrade, within --drain-timeout.
  enum class Leave { kQuick, kGraceful, kDrain };

  // arbiter.cpp
  Result<void> start();
  Result<void> open_control();
  // Makes the pid file's name that of the settings.
  Result<void> write_pid_file();
  Result<void> open_log_files(const Settings& settings);
  void reopen_logs();
  void announce();
  void wait();
  void take_signals();
  void on_signal(const signalfd_siginfo& signal);
  void stop(Stopping how);
  void finish_upgrade();
  std::string title() const;
  // A listener for each bind: an inherited one, one of `reuse`, or a new one.
  Result<Generation> open_generation(Settings settings, const Generation* reuse);
  Result<std::shared_ptr<const Listener>> listener_for(const std::string& bind,
                                                       const Generation* reuse,
                                                       const Generation& made,
                                                       const Settings& settings);
  // Paths of the unix sockets that end with this server.
  std::vector<std::string> own_socket_files(const Generation& generation) const;
  void event(std::string kind, std::string text) { events_.add(std::move(kind), std::move(text)); }

  // arbiter_children.cpp
  void supervise();
  void note_gauges();
  void fill(Role role);
  void spawn(Role role);
  Result<std::unique_ptr<Child>> start_child(Role role);
  void check_pulse(Child& child);
  void press(Child& child);
  void retire(Child& child, Leave how);
  void hand_over();
  void reap();
  void note_exit(const Child& child, int wait_status);
  // An uninvited end: wait, give up a reload, or give up altogether.
  void note_crash(const Child& child, int wait_status);
  CrashLoop::Rule crash_rule();
  void read_channels(const std::vector<pollfd>& polled);
  void on_message(Child& child, std::string_view message);
  void to_all(int signal);
  unsigned free_number(Role role) const;
  std::optional<std::size_t> free_slot() const;
  // Children of the generation that have not been asked to leave.
  int count(Role role, unsigned generation, bool serving_only) const;
  bool complete(const Generation& generation) const;
  void set_wanted(Role role, int wanted);
  void become_ready();
  CrashLoop& crashes_of(Role role) { return crashes_[static_cast<std::size_t>(role)]; }
  // The loop must wake at `time` at the latest.
  void wake_at(SteadyTime time) { wake_ = std::min(wake_, time); }

  // arbiter_reload.cpp
  Result<void> reload();
  void commit_reload();
  void apply_to_arbiter();
  void abandon_reload(std::string_view why);
  Result<void> upgrade();
  // What is being worked towards.
  Generation& newest() { return pending_ ? *pending_ : current_; }

  // arbiter_control.cpp
  void serve_control(const std::vector<pollfd>& polled);
  void answer_request(const ControlServer::Request& request);
  boost::json::value show(std::string_view what);
  boost::json::value show_workers();
  boost::json::value show_listeners();
  boost::json::value show_config();
  boost::json::value show_stats();
  boost::json::value show_stalls();
  // What others have to be asked: the answer goes to the client when it is there. nullopt: nothing.
  std::optional<Result<void>> ask_others(const boost::json::object& request,
                                         ControlServer::ClientId client);
  Result<boost::json::value> command(const boost::json::object& request);
  Result<void> kill_worker(pid_t pid);
  Result<void> ask_for_stacks(ControlServer::ClientId client);
  void note_stacks(const Child& child, std::string_view stacks);
  // Once all have answered, or the patience is over.
  void answer_stacks();

  // arbiter_report.cpp
  Result<void> ask_for_jobs(ControlServer::ClientId client);
  void read_report();

  const ServerDefinition& definition_;
  const SettingsTable& table_;
  const std::vector<std::string> flags_;      // for reading the settings anew
  const std::vector<std::string> arguments_;  // for starting the program again
  const std::string program_;                 // its file, for an upgrade
  const std::string directory_;               // where it was started
  const ProcessTitle title_;
  const SteadyTime started_;
  SystemdNotifier systemd_;
  observe::MetricTable metric_table_;
  const ServerMetrics metrics_;
  std::optional<SharedState> state_;

  Generation current_;
  std::optional<Generation> pending_;  // a reload whose workers are not all serving yet
  std::vector<std::unique_ptr<Child>> children_;
  std::array<CrashLoop, kRoles.size()> crashes_;
  std::array<std::string, kRoles.size()> last_death_;  // by role: how the latest one ended
  std::vector<Listener> inherited_;  // from systemd or the arbiter before an upgrade
  bool systemd_sockets_ = false;     // the sockets belong to systemd: not unlinked
  std::vector<std::string> unlink_;  // unix sockets to remove at the end
  unsigned generations_ = 0;
  bool reload_again_ = false;  // a HUP came while a reload was under way
  std::uint64_t spawned_ = 0;
  bool was_ready_ = false;
  Stopping stopping_ = Stopping::kNo;
  int exit_status_ = kExitOk;

  unique_fd signals_;
  SteadyTime wake_{};
  pid_t predecessor_ = 0;  // the arbiter that upgraded to this one, while it lives
  pid_t successor_ = 0;    // the arbiter this one upgrades to
  PidFile pid_file_;
  std::optional<ControlServer> control_;
  observe::EventRing events_;
  observe::StallLog stalls_;

  // `ctl show stacks` under way.
  struct StacksRequest {
    struct Answer {
      pid_t pid;
      std::string worker;
      std::optional<std::string> stacks;  // JSON
    };
    ControlServer::ClientId client = 0;
    SteadyTime patience{};
    std::vector<Answer> answers;
  };
  std::optional<StacksRequest> stacks_;

  // `ctl show jobs` under way, for everybody who asks meanwhile.
  struct Report {
    pid_t pid = 0;
    unique_fd out;
    std::string text;
    std::vector<ControlServer::ClientId> clients;
    SteadyTime patience{};
  };
  std::optional<Report> report_;
};

}  // namespace saola::server
