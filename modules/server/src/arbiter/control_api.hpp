// What the control socket can be asked: to show something, or to do something.
#pragma once

#include <poll.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/base/error.hpp>

#include "arbiter/jobs_report.hpp"
#include "arbiter/worker_questions.hpp"
#include "control/control_server.hpp"
#include "fleet/fleet.hpp"
#include "fleet/server_status.hpp"

namespace saola::server {

// What a request may make the arbiter do.
class ServerActions {
 public:
  virtual ~ServerActions() = default;
  virtual Result<void> reload() = 0;
  virtual void reopen_logs() = 0;
  virtual void stop(Stopping how) = 0;
};

class ControlApi {
 public:
  // All must outlive it.
  ControlApi(ServerStatus& server, Fleet& fleet, ServerActions& actions)
      : server_(server),
        fleet_(fleet),
        actions_(actions),
        jobs_(server),
        questions_(server, fleet) {}

  // Listens on `path`. Without it nothing can be asked.
  Result<void> open(const std::string& path);
  // Null: not open.
  ControlServer* socket() { return socket_ ? &*socket_ : nullptr; }

  // Adds what poll(2) should watch; takes what it said.
  void watch(std::vector<pollfd>& polled) const;
  void serve(const std::vector<pollfd>& polled);
  // Answers what waits for others: for workers' stacks, for the process that looks at the jobs.
  void advance();
  // The child says that it has answered a question.
  void note_answer(const Child& child, std::string_view number) {
    questions_.note_answer(child, number);
  }

 private:
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

  ServerStatus& server_;
  Fleet& fleet_;
  ServerActions& actions_;
  std::optional<ControlServer> socket_;
  JobsReport jobs_;
  WorkerQuestions questions_;
};

}  // namespace saola::server
