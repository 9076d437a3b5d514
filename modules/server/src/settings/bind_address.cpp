#include "settings/bind_address.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <optional>

#include <fmt/core.h>

namespace saola::server {
namespace {

template <typename Number>
bool parse_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

Error bind_error(int error_number, const BindAddress& address) {
  const std::string where = address.to_string();
  switch (error_number) {
    case EADDRINUSE:
      return Error(ErrorCode::kAlreadyExists,
                   fmt::format("{} is in use: another server listens there, so this one cannot. "
                               "Stop it (ss -ltnp shows who it is) or choose another --bind",
                               where));
    case EACCES:
      return Error(ErrorCode::kPermissionDenied,
                   fmt::format("no permission to listen on {}: ports below 1024 need rights; "
                               "choose another --bind, or let systemd pass the socket",
                               where));
    case EADDRNOTAVAIL:
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{} is no address of this machine; choose another --bind", where));
    default:
      return errno_error(error_number, fmt::format("cannot listen on {}", where));
  }
}

Result<Listener> open_unix(const BindAddress& address, const SocketAccess& access) {
  auto made = make_socket_file(address.path, access);
  if (!made) return fail(made);
  return Listener{.fd = std::move(made->fd),
                  .asked = address,
                  .where = address.to_string(),
                  .file = std::move(made->file)};
}

Result<Listener> open_tcp(const BindAddress& address, const ListenOptions& options) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  if (address.host.empty()) hints.ai_family = AF_INET;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(),
                                   fmt::format("{}", address.port).c_str(), &hints, &list);
  if (failed != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "cannot resolve {}: {}; give an address of this machine", address.host,
                ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  unique_fd fd(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail(errno_error(errno, "socket"));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (options.reuse_port) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (list->ai_family == AF_INET6) {
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (::bind(fd.get(), list->ai_addr, list->ai_addrlen) != 0) {
    return fail(bind_error(errno, address));
  }
  std::string where = local_address(fd.get());
  return Listener{std::move(fd), address, std::move(where)};
}

std::optional<tcp_info> tcp_info_of(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  return info;
}

}  // namespace

Result<BindAddress> BindAddress::parse(std::string_view text) {
  BindAddress out;
  if (text.starts_with("unix:")) {
    out.kind = Kind::kUnix;
    out.path = text.substr(5);
    if (out.path.empty() || out.path.size() >= sizeof(sockaddr_un::sun_path)) {
      return fail(ErrorCode::kInvalidArgument, "a unix socket's path has 1 to {} bytes",
                  sizeof(sockaddr_un::sun_path) - 1);
    }
    return out;
  }
  if (text.starts_with("fd://")) {
    out.kind = Kind::kInherited;
    if (!parse_number(text.substr(5), out.fd) || out.fd < 0) {
      return fail(ErrorCode::kInvalidArgument, "write fd://N with a descriptor's number");
    }
    return out;
  }
  const std::size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (colon == std::string_view::npos || !parse_number(text.substr(colon + 1), out.port) ||
      (!bracketed && host.find(':') != std::string_view::npos) || (bracketed && host.empty())) {
    return fail(ErrorCode::kInvalidArgument,
                "write HOST:PORT, [IPV6]:PORT, unix:PATH or fd://N; ports go to 65535");
  }
  out.host = host;
  return out;
}

std::string BindAddress::to_string() const {
  switch (kind) {
    case Kind::kUnix:
      return "unix:" + path;
    case Kind::kInherited:
      return fmt::format("fd://{}", fd);
    case Kind::kTcp:
      return host.find(':') == std::string::npos
                 ? fmt::format("{}:{}", host.empty() ? "0.0.0.0" : host, port)
                 : fmt::format("[{}]:{}", host, port);
  }
  std::unreachable();
}

bool reaches_this_machine_only(const BindAddress& address) {
  if (address.kind != BindAddress::Kind::kTcp) return true;
  if (address.host.empty()) return false;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  // Where there is no address nobody can listen either, which then says so.
  if (::getaddrinfo(address.host.c_str(), nullptr, &hints, &list) != 0) return true;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET) {
      const auto& v4 = reinterpret_cast<const sockaddr_in*>(each->ai_addr)->sin_addr;
      if (ntohl(v4.s_addr) >> 24 != IN_LOOPBACKNET) return false;
    } else if (each->ai_family == AF_INET6) {
      const auto& v6 = reinterpret_cast<const sockaddr_in6*>(each->ai_addr)->sin6_addr;
      if (!IN6_IS_ADDR_LOOPBACK(&v6)) return false;
    }
  }
  return true;
}

std::string local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return "";
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, ntohs(v4.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
  }
  if (storage.ss_family == AF_UNIX) {
    return fmt::format("unix:{}", reinterpret_cast<const sockaddr_un&>(storage).sun_path);
  }
  return "";
}

// Of a listening socket, the kernel tells the length of its queue and the most it may have here.
int waiting_connections(int fd) {
  const auto info = tcp_info_of(fd);
  return info ? static_cast<int>(info->tcpi_unacked) : -1;
}

int backlog_of(int fd) {
  const auto info = tcp_info_of(fd);
  return info ? static_cast<int>(info->tcpi_sacked) : -1;
}

Result<Listener> adopt_listener(unique_fd fd, const BindAddress& asked) {
  int listening = 0;
  socklen_t length = sizeof listening;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 ||
      listening == 0) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: descriptor {} is not a listening socket; whoever starts this server must pass "
                "one",
                asked.to_string(), fd.get());
  }
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  // The kernel may know the file of a unix socket by the name it was bound at (socket_file.cpp).
  std::string where =
      asked.kind == BindAddress::Kind::kUnix ? asked.to_string() : local_address(fd.get());
  return Listener{std::move(fd), asked, std::move(where)};
}

Result<Listener> open_listener(const BindAddress& address, const ListenOptions& options) {
  if (address.kind == BindAddress::Kind::kInherited) {
    // A copy, so that a reload can adopt the same descriptor again.
    unique_fd copy(::fcntl(address.fd, F_DUPFD_CLOEXEC, 3));
    if (!copy) {
      return fail(ErrorCode::kInvalidArgument, "{}: no such descriptor was inherited",
                  address.to_string());
    }
    return adopt_listener(std::move(copy), address);
  }
  auto out = address.kind == BindAddress::Kind::kUnix ? open_unix(address, options.access)
                                                      : open_tcp(address, options);
  if (out && ::listen(out->fd.get(), options.backlog) != 0) {
    return fail(bind_error(errno, address));
  }
  return out;
}

}  // namespace saola::server
