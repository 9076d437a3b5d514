// The fleet: the child processes of a server, from their start to their end.
//
// A child is booting until it says "ready", then serving, then leaving once it was told to, and gone
// when it was reaped. Told to leave, it has patience: a time after which the next, harder step is
// due (SIGQUIT: a task worker puts its jobs back, a web worker cuts its connections; then whoever is
// left is killed). One that is
// silent for --timeout is hung: it may write its stacks, then it is killed.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/time.hpp>
#include <saola/base/unique_fd.hpp>

#include "fleet/crash_loop.hpp"
#include "fleet/server_status.hpp"

namespace saola::server {

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
  bool stop_sent = false;  // SIGQUIT has been sent
  std::optional<SteadyTime> patience;  // when the next, harder step is due

  bool leaving() const { return stage == Stage::kLeaving; }
};

// "web 2".
std::string name_of(const Child& child);
// "signal KILL", "exit status 3".
std::string how_it_ended(int wait_status);

// How a child is asked to leave: at once; within --graceful-timeout; or, a task worker after a
// reload or upgrade, within --drain-timeout.
enum class Leave { kQuick, kGraceful, kDrain };

// Whoever decides what the fleet cannot.
class FleetWatcher {
 public:
  virtual ~FleetWatcher() = default;
  // A child ended although nobody had asked it to, and the server does not stop.
  virtual void on_crash(const Child& child, int wait_status) = 0;
  // It has answered the question of this number; see WorkerQuestions.
  virtual void on_answer(const Child& child, std::string_view number) = 0;
};

class Fleet {
 public:
  // Both must outlive it.
  Fleet(ServerStatus& server, FleetWatcher& watcher) : server_(server), watcher_(watcher) {}

  const std::vector<std::unique_ptr<Child>>& children() const { return children_; }
  bool empty() const { return children_.empty(); }

  // Starts what is missing of the newest generation, retires what is too much.
  void fill(Role role);
  // Children that asked for a successor leave when it serves.
  void retire_replaced();
  void retire(Child& child, Leave how);
  // Null when there is no child of this process id.
  Child* find(pid_t pid) const;
  // Looks for silence, takes harder steps, and forgets crashes that are long past.
  void look_after();
  void signal_all(int signal) const;
  // Counts the children that serve, and says why none does.
  void note_metrics();

  // What the children say: `polled` from poll(2), which watch() has filled.
  void watch(std::vector<pollfd>& polled) const;
  void read(const std::vector<pollfd>& polled);
  // A process has ended; false when it is no child of the fleet.
  bool reap(pid_t pid, int wait_status);

  // Children of the generation that have not been asked to leave.
  int count(Role role, unsigned generation, bool serving_only) const;
  // Everything that the generation wants serves.
  bool complete(const Generation& generation) const;
  void set_wanted(Role role, int wanted);

  CrashLoop& crashes_of(Role role) { return crashes_[role]; }
  CrashLoop::Rule crash_rule() const;
  void forget_crashes();

 private:
  void spawn(Role role);
  Result<std::unique_ptr<Child>> start_child(Role role);
  void check_pulse(Child& child);
  // The next, harder step for a child that should be gone by now.
  void escalate(Child& child);
  void note_exit(const Child& child, int wait_status);
  void note_crash(const Child& child, int wait_status);
  void on_message(Child& child, std::string_view message);
  unsigned free_number(Role role) const;
  std::optional<std::size_t> free_slot() const;

  ServerStatus& server_;
  FleetWatcher& watcher_;
  std::vector<std::unique_ptr<Child>> children_;
  ByRole<CrashLoop> crashes_;
  ByRole<std::string> last_death_;  // how the latest one ended
  std::uint64_t spawned_ = 0;
};

}  // namespace saola::server
