#include "open_loop/client.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include <fmt/core.h>

namespace open_loop {
namespace {

using namespace std::chrono_literals;
using saola::SteadyTime;

constexpr saola::Duration kPauseBeforeAgain = 10ms;

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

// The value of a header field in a head, or empty. `name` in lower case, with the colon.
std::string_view field(std::string_view head, std::string_view name) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  const auto found = std::ranges::search(head, name, {}, lower);
  if (found.empty()) return {};
  std::string_view value = head.substr(static_cast<std::size_t>(found.end() - head.begin()));
  value = value.substr(0, value.find('\r'));
  while (value.starts_with(' ')) value.remove_prefix(1);
  return value;
}

}  // namespace

Client::Client(std::uint16_t port) : port_(port), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
Client::~Client() = default;

void Client::send(std::string request, SteadyTime due, WhenBroken when_broken, OnAnswer on_answer) {
  ++awaited_;
  start({std::move(request), due, when_broken, std::move(on_answer)});
}

void Client::start(Exchange exchange) {
  Connection* connection = nullptr;
  if (!idle_.empty()) {
    connection = idle_.back();
    idle_.pop_back();
  } else {
    connection = &connections_.emplace_back();
    connection->fd.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(connection->fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    ::connect(connection->fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                      .data = {.ptr = connection}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->fd.get(), &event);
  }
  connection->busy = true;
  connection->exchange = std::move(exchange);
  connection->written = 0;
  connection->in.clear();
  if (!write(*connection)) broken(*connection);
}

// False when the connection is broken.
bool Client::write(Connection& connection) {
  const std::string& request = connection.exchange.request;
  while (connection.written < request.size()) {
    const ssize_t count = ::send(connection.fd.get(), request.data() + connection.written,
                                 request.size() - connection.written, MSG_NOSIGNAL | MSG_DONTWAIT);
    // ENOTCONN: the connect is under way.
    if (count < 0) return errno == EAGAIN || errno == ENOTCONN || errno == EINTR;
    connection.written += static_cast<std::size_t>(count);
  }
  return true;
}

void Client::broken(Connection& connection) {
  connection.dead = true;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.fd.get(), nullptr);
  std::erase(idle_, &connection);
  if (!std::exchange(connection.busy, false)) return;
  Exchange exchange = std::move(connection.exchange);
  if (exchange.when_broken == WhenBroken::kSendAgain) {
    again_.push_back({now() + kPauseBeforeAgain, std::move(exchange)});
    return;
  }
  --awaited_;
  exchange.on_answer({.due = exchange.due, .at = now(), .body = {}});
}

// True when a whole answer was there.
bool Client::take_answer(Connection& connection) {
  const std::string_view in = connection.in;
  const auto head_end = in.find("\r\n\r\n");
  if (head_end == std::string_view::npos || !in.starts_with("HTTP/1.")) return false;
  const std::string_view head = in.substr(0, head_end + 2);
  const std::string_view length_text = field(head, "\ncontent-length:");
  std::size_t length = 0;
  std::from_chars(length_text.data(), length_text.data() + length_text.size(), length);
  if (in.size() < head_end + 4 + length) return false;
  int status = 0;
  std::from_chars(in.data() + 9, in.data() + 12, status);
  const bool keep = field(head, "\nconnection:") != "close" && in.starts_with("HTTP/1.1");

  const std::string bytes = std::move(connection.in);
  const Exchange exchange = std::move(connection.exchange);
  connection.in.clear();
  connection.busy = false;
  --awaited_;
  if (keep) {
    idle_.push_back(&connection);
  } else {
    broken(connection);
  }
  exchange.on_answer({.due = exchange.due,
                      .at = now(),
                      .status = status,
                      .body = std::string_view(bytes).substr(head_end + 4, length)});
  return true;
}

void Client::read(Connection& connection) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = ::recv(connection.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) {
      connection.in.append(buffer.data(), static_cast<std::size_t>(count));
      if (connection.busy && take_answer(connection) && connection.dead) return;
      continue;
    }
    if (count < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN)) return;
    return broken(connection);
  }
}

void Client::on_event(Connection& connection) {
  if (connection.dead) return;
  if (connection.busy && !write(connection)) return broken(connection);
  read(connection);
}

void Client::run_once(SteadyTime until) {
  if (!again_.empty()) until = std::min(until, again_.front().time);
  const auto wait = std::max(until - now(), saola::Duration::zero());
  const timespec timeout{.tv_sec = wait / 1s, .tv_nsec = (wait % 1s).count()};
  std::array<epoll_event, 64> events;
  const int count = ::epoll_pwait2(epoll_.get(), events.data(), events.size(), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    on_event(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
  }
  while (!again_.empty() && again_.front().time <= now()) {
    Exchange exchange = std::move(again_.front().exchange);
    again_.pop_front();
    start(std::move(exchange));
  }
  connections_.remove_if([](const Connection& connection) { return connection.dead; });
}

void Client::run_until(SteadyTime time) {
  do {
    run_once(time);
  } while (now() < time);
}

void Client::run_until_answered(SteadyTime limit) {
  while (awaited_ > 0 && now() < limit) run_once(limit);
}

std::string get_request(std::string_view path) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
}

std::string post_request(std::string_view path, std::string_view json_body) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      path, json_body.size(), json_body);
}

}  // namespace open_loop
