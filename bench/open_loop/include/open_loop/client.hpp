// Requests sent when they are due, not when the one before was answered: a server that freezes is
// seen by everyone who would have come meanwhile. Latency counts from the time a request was due.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/time.hpp>
#include <saola/base/unique_fd.hpp>

namespace open_loop {

struct Answer {
  saola::SteadyTime due;
  saola::SteadyTime at;
  int status = 0;  // 0: the connection broke and the request was not to be sent again
  std::string_view body;

  saola::Duration latency() const { return at - due; }
};

enum class WhenBroken {
  kSendAgain,  // on a new connection, 10 ms later; its latency still counts from when it was due
  kTell,       // an Answer of status 0
};

// Keep-alive connections to 127.0.0.1, as many as there are requests under way. One thread.
class Client {
 public:
  using OnAnswer = std::function<void(const Answer&)>;

  explicit Client(std::uint16_t port);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends a whole HTTP/1.1 request now; `due` is when it should have been sent. Answers must have
  // a Content-Length.
  void send(std::string request, saola::SteadyTime due, WhenBroken when_broken, OnAnswer on_answer);
  // Takes answers, calling on_answer, until `time` or, when asked for, until none is awaited.
  void run_until(saola::SteadyTime time);
  void run_until_answered(saola::SteadyTime limit);
  // Requests without an answer so far.
  std::size_t awaited() const { return awaited_; }

 private:
  struct Exchange {
    std::string request;
    saola::SteadyTime due;
    WhenBroken when_broken = WhenBroken::kTell;
    OnAnswer on_answer;
  };
  struct Connection {
    saola::unique_fd fd;
    bool busy = false;
    bool dead = false;
    Exchange exchange;  // when busy
    std::size_t written = 0;
    std::string in;
  };
  struct Again {
    saola::SteadyTime time;
    Exchange exchange;
  };

  void start(Exchange exchange);
  void run_once(saola::SteadyTime until);
  void on_event(Connection& connection);
  bool write(Connection& connection);
  void read(Connection& connection);
  bool take_answer(Connection& connection);
  void broken(Connection& connection);

  const std::uint16_t port_;
  saola::unique_fd epoll_;
  std::list<Connection> connections_;
  std::vector<Connection*> idle_;
  std::list<Again> again_;  // by time
  std::size_t awaited_ = 0;
};

// "GET /ping HTTP/1.1" with the headers it needs, or a POST of a JSON body.
std::string get_request(std::string_view path);
std::string post_request(std::string_view path, std::string_view json_body);

}  // namespace open_loop
