// An HTTP endpoint for tests that answers exactly what a test tells it to, sound or not.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace saola::objects_s3 {

struct FakeRequest {
  std::string method;
  std::string target;
  // The head as received, names in lower case.
  std::string head;
  std::string body;
  // How many requests came before it.
  std::size_t number = 0;

  // The header's value; empty when it is not there.
  std::string header(std::string_view name) const {
    const std::string line = "\r\n" + std::string(name) + ": ";
    const auto at = head.find(line);
    if (at == std::string::npos) return "";
    const auto from = at + line.size();
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

struct FakeAnswer {
  enum After { kKeepOpen, kClose, kHang, kRepeatForever };
  std::string bytes;
  After after = kKeepOpen;
};

// Listens on a free port of 127.0.0.1. The handler is called under a lock, one request at a time.
class FakeEndpoint {
 public:
  using Handler = std::function<FakeAnswer(const FakeRequest&)>;

  explicit FakeEndpoint(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~FakeEndpoint() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      ::shutdown(listener_, SHUT_RDWR);
      for (const int fd : connections_) ::shutdown(fd, SHUT_RDWR);
    }
    changed_.notify_all();
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
    for (const int fd : connections_) ::close(fd);
    ::close(listener_);
  }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  std::vector<FakeRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // Returns once `count` requests have come.
  void wait_for_requests(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return requests_.size() >= count; });
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      const std::lock_guard lock(mutex_);
      if (stopping_ || fd < 0) {
        if (fd >= 0) ::close(fd);
        return;
      }
      connections_.push_back(fd);
      threads_.emplace_back([this, fd] {
        serve(fd);
        ::shutdown(fd, SHUT_RDWR);
      });
    }
  }

  void serve(int fd) {
    std::string buffer;
    FakeRequest request;
    while (read_request(fd, buffer, request)) {
      FakeAnswer answer;
      {
        const std::lock_guard lock(mutex_);
        request.number = requests_.size();
        requests_.push_back(request);
        answer = handler_(request);
      }
      changed_.notify_all();
      do {
        if (!send_all(fd, answer.bytes)) return;
      } while (answer.after == FakeAnswer::kRepeatForever);
      if (answer.after == FakeAnswer::kClose) return;
      if (answer.after == FakeAnswer::kHang) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stopping_; });
        return;
      }
    }
  }

  static bool read_more(int fd, std::string& buffer) {
    char block[65536];
    const ssize_t n = ::recv(fd, block, sizeof block, 0);
    if (n > 0) buffer.append(block, static_cast<std::size_t>(n));
    return n > 0;
  }

  static bool read_request(int fd, std::string& buffer, FakeRequest& request) {
    std::size_t end;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more(fd, buffer)) return false;
    }
    request.head = buffer.substr(0, end + 2);
    buffer.erase(0, end + 4);
    const auto space = request.head.find(' ');
    request.method = request.head.substr(0, space);
    request.target = request.head.substr(space + 1, request.head.find(' ', space + 1) - space - 1);
    // Only the names need to be comparable, and no value here depends on its case.
    for (std::size_t line = request.head.find("\r\n"); line != std::string::npos;
         line = request.head.find("\r\n", line + 2)) {
      for (std::size_t i = line + 2; i < request.head.size() && request.head[i] != ':'; ++i) {
        request.head[i] = static_cast<char>(std::tolower(request.head[i]));
      }
    }
    const std::string length = request.header("content-length");
    const std::size_t wanted = length.empty() ? 0 : std::stoul(length);
    if (request.header("expect") == "100-continue" &&
        !send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n")) {
      return false;
    }
    while (buffer.size() < wanted) {
      if (!read_more(fd, buffer)) return false;
    }
    request.body = buffer.substr(0, wanted);
    buffer.erase(0, wanted);
    return true;
  }

  static bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  const Handler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  bool stopping_ = false;
  std::vector<int> connections_;
  std::vector<std::thread> threads_;
  std::vector<FakeRequest> requests_;
};

// "HTTP/1.1 STATUS", the headers ("a: b\r\n…"), Content-Length and the body (not sent to HEAD).
inline std::string http(int status, std::string_view headers, std::string_view body) {
  return fmt::format("HTTP/1.1 {} X\r\n{}Content-Length: {}\r\n\r\n{}", status, headers,
                     body.size(), body);
}

// Serves one object as S3 does: HEAD, and GET of a range.
inline std::string serve_object(const FakeRequest& request, std::string_view content,
                                std::string_view etag = "\"v1\"") {
  const std::string tag = fmt::format("ETag: {}\r\n", etag);
  if (request.method == "HEAD") {
    return fmt::format(
        "HTTP/1.1 200 OK\r\n{}Last-Modified: Mon, 02 Mar 2026 10:00:00 GMT\r\n"
        "Content-Length: {}\r\n\r\n",
        tag, content.size());
  }
  const std::string range = request.header("range");
  if (range.empty()) return http(200, tag, content);
  const std::size_t first = std::stoul(range.substr(6));
  const std::size_t last = std::stoul(range.substr(range.find('-') + 1));
  return http(206,
              fmt::format("{}Content-Range: bytes {}-{}/{}\r\n", tag, first, last, content.size()),
              content.substr(first, last - first + 1));
}

// S3's error document.
inline std::string error_xml(std::string_view code, std::string_view more = "") {
  return fmt::format("<?xml version=\"1.0\"?><Error><Code>{}</Code>{}</Error>", code, more);
}

}  // namespace saola::objects_s3
