// The arbiter's control socket: one JSON request a line, one JSON answer a line. Never blocks; a
// client that is slow, silent or too talkative is dropped.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/base/unique_fd.hpp>

#include "files/own_file.hpp"

namespace saola::server {

class ControlServer {
 public:
  using ClientId = std::uint64_t;
  struct Request {
    ClientId client;
    std::string line;
  };
  static constexpr std::size_t kMostClients = 32;
  static constexpr std::size_t kLongestRequest = 64 * 1024;
  static constexpr Duration kIdleLimit = std::chrono::seconds(30);

  // Listens on the unix socket `path` with mode 0600; a stale socket file is replaced.
  static Result<ControlServer> open(const std::string& path);
  ControlServer(ControlServer&&) = default;
  ControlServer& operator=(ControlServer&&) = delete;
  // Removes the socket file, unless another has taken its place.
  ~ControlServer();

  const std::string& path() const { return file_.path(); }
  // Renames the socket file; kAlreadyExists when another server listens at the new name.
  Result<void> move_to(const std::string& path);

  // Adds what poll(2) should watch.
  void watch(std::vector<pollfd>& polled) const;
  // Reads, writes and accepts as poll(2) said; returns the complete requests.
  std::vector<Request> serve(std::span<const pollfd> polled);
  // Sends one line; a client that is gone is no error.
  void answer(ClientId client, std::string line);
  // Clients idle since before now - kIdleLimit are dropped.
  void drop_idle(SteadyTime now);

 private:
  struct Client {
    ClientId id;
    unique_fd fd;
    std::string in;
    std::string out;
    SteadyTime last_active;
  };
  ControlServer(OwnFile file, unique_fd fd) : file_(std::move(file)), fd_(std::move(fd)) {}
  void accept_clients();
  // False when the client is to be dropped.
  bool read_from(Client& client, std::vector<Request>& requests);
  static bool write_to(Client& client);

  OwnFile file_;
  unique_fd fd_;
  ClientId last_id_ = 0;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace saola::server
