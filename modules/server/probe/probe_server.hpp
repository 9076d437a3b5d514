// For tests: a running server_probe with a directory, a log and a control socket of its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/testing/temp_folder.hpp>

namespace saola::server {

// Asks `condition` again and again until it holds or `limit` has passed; what it said last.
bool eventually(const std::function<bool()>& condition,
                std::chrono::seconds limit = std::chrono::seconds(20));

struct HttpAnswer {
  int status = 0;  // 0: no answer
  std::string body;
  bool closes = false;  // Connection: close
};

struct WorkerRow {
  std::string role;
  int number = 0;
  pid_t pid = 0;
  std::string stage;
  int generation = 0;
};

// What the arbiter is to the processes below it.
enum class Birth {
  kChild,
  kSubreaper,   // orphans below become its children
  kProcessOne,  // of a pid namespace of its own; started() tells whether that is permitted
};

class ProbeServer {
 public:
  // Starts the program with `flags` after --bind 127.0.0.1:0 and one worker of each kind; a flag
  // given again wins. `environment` is added to this process's.
  // `activation` is a listening socket to pass as systemd does, or -1.
  explicit ProbeServer(std::vector<std::string> flags = {},
                       std::vector<std::string> environment = {}, int activation = -1,
                       Birth birth = Birth::kChild);
  // Kills what is left.
  ~ProbeServer();
  ProbeServer(const ProbeServer&) = delete;
  ProbeServer& operator=(const ProbeServer&) = delete;

  bool started() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  const std::string& directory() const { return directory_.path(); }
  std::string control_path() const { return directory() + "/control.sock"; }
  // True when the server says it serves.
  bool serves();
  void signal(int number) const;
  // The exit status, 128 + signal when killed; nullopt when it still runs after the limit.
  std::optional<int> exit_status(std::chrono::seconds limit = std::chrono::seconds(20));
  std::string log() const;
  bool log_has(std::string_view text) const;
  // The control socket's result; empty when it does not answer.
  std::string control(std::string_view request) const;
  std::string show(std::string_view what) const;
  std::vector<WorkerRow> workers() const;
  // Those of one role that serve.
  std::vector<pid_t> serving(std::string_view role) const;
  // Where the first listener listens, "127.0.0.1:4711" or "unix:…".
  std::string address() const;
  // Where the management process listens.
  std::string management_address() const;
  // One request on a connection of its own; `fields` are whole lines.
  HttpAnswer get(std::string_view path, std::string_view fields = "") const;

 private:
  TempFolder directory_;
  pid_t pid_ = 0;
  std::optional<int> status_;
};

// Connects to "127.0.0.1:4711" or "unix:/path"; -1 when nobody listens.
int connect_to(const std::string& address);
HttpAnswer http_get(const std::string& address, std::string_view path,
                    std::string_view fields = "");
// Reads one response with Content-Length, or up to the end.
HttpAnswer read_answer(int fd);

bool process_exists(pid_t pid);

}  // namespace saola::server
