// For tests: a service on a loopback port, on fibers or on plain threads, and a blocking client.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <saola/base/unique_fd.hpp>
#include <saola/http_conn/service.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/runtime/sync/event.hpp>

namespace saola::http_conn {

enum class Model { kFiber, kThread };

// Keeps what the access log was told.
class AccessRecorder final : public AccessSink {
 public:
  struct Entry {
    std::string method, target;
    int status;
    std::uint64_t body_bytes;
    bool complete;
  };
  void on_access(const Access& access) override {
    const std::lock_guard lock(mutex_);
    entries_.push_back({std::string(access.request.method_name), std::string(access.request.target),
                        access.status, access.body_bytes, access.complete});
  }
  std::vector<Entry> entries() {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

 private:
  std::mutex mutex_;
  std::vector<Entry> entries_;  // GUARDED_BY(mutex_)
};

class FunctionHandler final : public http::Handler {
 public:
  using Function = std::function<http::Response(http::Request&)>;
  explicit FunctionHandler(Function function) : function_(std::move(function)) {}
  http::Response handle(http::Request& request) override { return function_(request); }

 private:
  Function function_;
};

class TestServer {
 public:
  TestServer(Model model, FunctionHandler::Function function, ServiceOptions options = {},
             Prologue prologue = {})
      : handler_(std::move(function)),
        service_(handler_, std::move(options), &access_),
        prologue_(prologue) {
    listener_ = runtime::Listener::bind(*runtime::SocketAddress::parse("127.0.0.1:0")).value();
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(listener_.fd(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = address.sin_port;
    thread_ = std::jthread([this, model] {
      if (model == Model::kThread) return run();
      runtime::Runtime runtime;
      runtime.run([this] { run(); });
    });
  }
  ~TestServer() {
    service_.abort();
    end_.set();
    thread_.join();
  }

  Service& service() { return service_; }
  AccessRecorder& access() { return access_; }
  std::uint16_t port() const { return port_; }  // network byte order

 private:
  void run() {
    auto accepting = runtime::spawn([this] { (void)service_.accept_from(listener_, prologue_); });
    end_.wait();
    accepting.cancel();
    accepting.join();
    listener_.close();  // it may not outlive the loop that watched it
    service_.wait_closed(Deadline::never());
  }

  FunctionHandler handler_;
  AccessRecorder access_;
  Service service_;
  Prologue prologue_;
  runtime::Listener listener_;
  runtime::Event end_;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

// A client that gives up, loudly, after ten seconds of silence.
class Client {
 public:
  explicit Client(const TestServer& server, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0) {
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = server.port();
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
  }

  // False when the server closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  int fd() const { return fd_.get(); }
  void shutdown_write() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  // Reads until `end` was received, and returns all up to there.
  std::string read_until(std::string_view end) {
    for (;;) {
      if (const auto at = received_.find(end); at != std::string::npos) {
        std::string all = received_.substr(0, at + end.size());
        received_.erase(0, at + end.size());
        return all;
      }
      if (!more()) throw std::runtime_error("the server closed; it had sent: " + received_);
    }
  }
  // Reads to the end of the stream. A reset counts as the end; was_reset() tells.
  std::string read_all() {
    while (more()) {
    }
    return std::exchange(received_, {});
  }
  bool was_reset() const { return reset_; }

 private:
  bool more() {
    char buffer[65536];
    const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (n > 0) received_.append(buffer, static_cast<std::size_t>(n));
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      throw std::runtime_error("silence for ten seconds; it had sent: " + received_);
    }
    reset_ |= n < 0;
    return n > 0;
  }

  unique_fd fd_;
  std::string received_;
  bool reset_ = false;
};

}  // namespace saola::http_conn
