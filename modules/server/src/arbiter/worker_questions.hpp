// Questions that only workers can answer: `ctl show stacks` and `show tasks`. Each is sent to them
// with a file in memory to write the answer into, so that it may be long and the arbiter never
// waits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/base/unique_fd.hpp>

#include "control/control_server.hpp"
#include "fleet/fleet.hpp"
#include "fleet/server_status.hpp"

namespace saola::server {

class WorkerQuestions {
 public:
  // Both must outlive it.
  WorkerQuestions(ServerStatus& server, const Fleet& fleet) : server_(server), fleet_(fleet) {}

  // Asks every worker or, unless empty, the one of this name ("web 1") or process id; see
  // answer_question(). kNotFound: there is no such worker.
  Result<void> ask(ControlServer::ClientId client, std::string_view question,
                   std::string_view worker);
  // The child says that it has answered the question of this number.
  void note_answer(const Child& child, std::string_view number);
  // Answers clients whose question all have answered, or for which the patience is over: an array
  // of the workers' objects, each with "worker" and "pid" in front.
  void advance(ControlServer& socket);

 private:
  struct Answer {
    pid_t pid;
    std::string worker;
    unique_fd file;
    bool complete = false;
  };
  struct Question {
    std::uint64_t number = 0;
    ControlServer::ClientId client = 0;
    SteadyTime patience{};
    std::vector<Answer> answers;
  };
  static std::string text_of(const Answer& answer);

  ServerStatus& server_;
  const Fleet& fleet_;
  std::uint64_t last_number_ = 0;
  std::vector<Question> open_;
};

}  // namespace saola::server
