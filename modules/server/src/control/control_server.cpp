#include "control/control_server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include "settings/bind_address.hpp"

namespace saola::server {

Result<ControlServer> ControlServer::open(const std::string& path) {
  auto address = BindAddress::parse("unix:" + path);
  if (!address) return fail(std::move(address).error().wrap("--control-socket " + path));
  auto listener = open_listener(*address, {.backlog = 16, .access = {.mode = 0600}});
  if (!listener) {
    // The listener's own words are about --bind.
    const char* why = "cannot be made there";
    if (listener.error().code() == ErrorCode::kAlreadyExists) {
      why = "is in the way: a server that runs has it, or it is no socket";
    } else if (listener.error().code() == ErrorCode::kPermissionDenied) {
      why = "may not be made there by this user";
    }
    return fail(listener.error().code(),
                "the control socket {} {}; choose another --state-dir or --control-socket", path,
                why);
  }
  return ControlServer(std::move(listener->file), std::move(listener->fd));
}

ControlServer::~ControlServer() {
  if (fd_) file_.remove();
}

Result<void> ControlServer::move_to(const std::string& path) {
  if (OwnFile::at(path).has_listener()) {
    return fail(ErrorCode::kAlreadyExists,
                "the control socket stays at {}: another server listens on {}", file_.path(), path);
  }
  return file_.rename(path);
}

void ControlServer::watch(std::vector<pollfd>& polled) const {
  polled.push_back({.fd = fd_.get(), .events = POLLIN});
  for (const auto& client : clients_) {
    const short events = client->out.empty() ? POLLIN : POLLIN | POLLOUT;
    polled.push_back({.fd = client->fd.get(), .events = events});
  }
}

std::vector<ControlServer::Request> ControlServer::serve(std::span<const pollfd> polled) {
  std::vector<Request> requests;
  for (const pollfd& entry : polled) {
    if (entry.revents == 0) continue;
    if (entry.fd == fd_.get()) {
      accept_clients();
      continue;
    }
    std::erase_if(clients_, [&](const std::unique_ptr<Client>& client) {
      if (client->fd.get() != entry.fd) return false;
      client->last_active = std::chrono::steady_clock::now();
      return !write_to(*client) || !read_from(*client, requests);
    });
  }
  return requests;
}

void ControlServer::accept_clients() {
  while (true) {
    unique_fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    if (clients_.size() >= kMostClients) continue;  // closed at once
    clients_.push_back(std::make_unique<Client>(
        Client{++last_id_, std::move(fd), {}, {}, std::chrono::steady_clock::now()}));
  }
}

bool ControlServer::read_from(Client& client, std::vector<Request>& requests) {
  char buffer[4096];
  const ssize_t got = ::recv(client.fd.get(), buffer, sizeof buffer, 0);
  if (got == 0) return false;
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  client.in.append(buffer, static_cast<std::size_t>(got));
  while (true) {
    const std::size_t end = client.in.find('\n');
    if (end == std::string::npos) break;
    requests.push_back({client.id, client.in.substr(0, end)});
    client.in.erase(0, end + 1);
  }
  return client.in.size() <= kLongestRequest;
}

bool ControlServer::write_to(Client& client) {
  while (!client.out.empty()) {
    const ssize_t sent =
        ::send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    client.out.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

void ControlServer::answer(ClientId id, std::string line) {
  const auto client = std::ranges::find(clients_, id, [](const auto& c) { return c->id; });
  if (client == clients_.end()) return;
  (*client)->out += std::move(line) + '\n';
  if (!write_to(**client)) clients_.erase(client);
}

void ControlServer::drop_idle(SteadyTime now) {
  std::erase_if(clients_, [&](const std::unique_ptr<Client>& client) {
    return now - client->last_active > kIdleLimit;
  });
}

}  // namespace saola::server
