// A server of the incident in a process of its own: Saola's or Debian's Gunicorn.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include <saola/base/error.hpp>

#include "drive.hpp"

namespace incident {

// The work of a task of about `seconds`, in the rounds of each language's loop.
struct Rounds {
  std::uint64_t native = 0;
  std::uint64_t python = 0;
};

bool is_gunicorn(const Combination& combination);
// Why Gunicorn with this worker class cannot be run here; empty: it can.
std::string gunicorn_missing(const std::string& worker_class);
// Rounds of Python's loop; 0 without Python.
std::uint64_t calibrate_python(double seconds);

class ServerProcess {
 public:
  // Starts one worker of the service and waits until it answers. kUnavailable with the end of its
  // log when it does not.
  static saola::Result<ServerProcess> start(const Combination& combination, const Rounds& rounds);
  // TERM, then KILL to the whole process group.
  ~ServerProcess();
  ServerProcess(ServerProcess&& other) noexcept;
  ServerProcess& operator=(ServerProcess&&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  ServerProcess() = default;
  std::string log_end() const;

  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::string directory_;  // state and log; removed in the end
};

}  // namespace incident
