// The arbiter: one process, one thread, one poll loop. It opens the listening sockets and never
// touches a client's; it keeps a fleet of workers running, and answers signals and the control
// socket.
//
//   arbiter.cpp        start, loop, signals, upgrade, stop
//   reload.cpp         from one generation of settings to the next
//   control_api.cpp    what the control socket asks; jobs_report.cpp what it asks about jobs
//   fleet/             the children, the listening sockets, and what all these share
//
// States: starting; serving (ServerStatus::was_ready); stopping, gracefully or quickly, which ends
// when the last child has gone.
#pragma once

#include <sys/signalfd.h>

#include <string>
#include <vector>

#include <saola/base/unique_fd.hpp>

#include "arbiter/control_api.hpp"
#include "arbiter/pid_file.hpp"
#include "arbiter/reload.hpp"
#include "fleet/fleet.hpp"
#include "fleet/listeners.hpp"
#include "fleet/server_status.hpp"
#include "process/process_title.hpp"

namespace saola::server {

class Arbiter final : private FleetWatcher, private ServerActions {
 public:
  Arbiter(const ServerDefinition& definition, const SettingsTable& table, Settings settings,
          std::vector<std::string> flags);

  // Until the server has ended; the exit status.
  int run();

 private:
  Result<void> start();
  Result<void> open_control();
  // Makes the pid file's name that of the settings.
  Result<void> write_pid_file();
  void announce();
  void supervise();
  void become_ready();
  void wait();
  void take_signals();
  void on_signal(const signalfd_siginfo& signal);
  void reap();
  // Starts the program's file, perhaps a newer one, beside this one on the same sockets (USR2).
  Result<void> upgrade();
  // The arbiter before this one has gone: takes its names over.
  void finish_upgrade();
  // What the arbiter itself has of the settings.
  void apply_settings();
  std::string title() const;

  void on_crash(const Child& child, int wait_status) override;
  void on_answer(const Child& child, std::string_view number) override;
  Result<void> reload() override { return reload_.begin(); }
  void reopen_logs() override;
  bool delays_stop();
  void stop(Stopping how) override;

  ServerStatus server_;
  const ProcessTitle title_;
  Fleet fleet_;
  Listeners listeners_;
  Reload reload_;
  ControlApi control_;
  PidFile pid_file_;
  unique_fd signals_;
  std::vector<OwnFile> remove_;  // unix sockets to remove at the end
  int exit_status_ = kExitOk;
};

}  // namespace saola::server
