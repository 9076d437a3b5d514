// The real program, for end-to-end tests: started on a port of the kernel's choice, with a folder
// of its own for state and samples, and gone with the test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include <saola/jobs_client/api_client.hpp>
#include <saola/testing/temp_folder.hpp>

namespace saola::split_service {
using jobs_client::ApiClient;

// Whether `condition` came true within `limit`.
bool eventually(const std::function<bool()>& condition,
                std::chrono::seconds limit = std::chrono::seconds(60));
class Service {
 public:
  // Makes the folder with the samples; starts nothing yet.
  explicit Service(std::vector<std::string> flags = {});
  // Kills what still runs.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Starts `split-service serve` and waits until it answers; fails the test otherwise.
  void start();
  // kill -9 of the arbiter; returns when it and all its workers are gone.
  void kill_all();
  // TERM; the exit status.
  int stop();

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }
  // Writes an object of bucket "samples"; reads one by its s3:// name.
  void put(const std::string& key, std::string_view bytes) const;
  std::string get(std::string_view name) const;
  const std::string& folder() const { return folder_.path(); }
  std::string log() const;
  // The worker processes of that role ("web", "task").
  std::vector<pid_t> workers(std::string_view role) const;

 private:
  const TempFolder folder_;
  const std::vector<std::string> flags_;
  pid_t pid_ = -1;
  int port_ = 0;
};

struct CommandResult {
  int status = -1;
  std::string out;
  std::string err;
};
// Runs `split-service ARGUMENTS` to its end.
CommandResult run_cli(const std::vector<std::string>& arguments);

}  // namespace saola::split_service
