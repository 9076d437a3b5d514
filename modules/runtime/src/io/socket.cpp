#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <saola/runtime/socket.hpp>

#include "io/fd_watch.hpp"
#include "io/without_sigpipe.hpp"
#include "loop/last_errno.hpp"
#include "loop/loop.hpp"

namespace saola::runtime {
namespace {

using detail::last_errno;

void set_no_delay(int fd) {
  // Fails on a unix socket, which has no delay to begin with.
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// A peer that is always ready would keep the fiber from ever waiting, and the others from running:
// every now and then a call on a socket lets them. (A rescued fiber comes home here.)
void take_turns() {
  constexpr std::uint32_t kCallsInARow = 64;
  detail::Carrier* carrier = detail::current_carrier();
  if (carrier == nullptr || carrier->fiber == nullptr ||
      ++carrier->socket_calls % kCallsInARow != 0) {
    return;
  }
  const this_task::Uncancellable guard;  // the call itself returns kCancelled, when it waits
  carrier->loop->yield(carrier);
}

int send_flags(More more) {
  return MSG_NOSIGNAL | (more == More::kYes ? MSG_MORE : 0);
}

// Waits for `pause`, the deadline or a cancel.
Result<void> pause_for(Duration pause, Deadline deadline) {
  Waiter waiter(WaitKind::kSleep);
  const Wake wake = waiter.park(min(deadline, Deadline::after(pause)));
  if (wake == Wake::kCancelled) return fail(detail::wait_error(wake));
  if (deadline.passed()) return fail(detail::wait_error(Wake::kTimedOut));
  return {};
}

[[gnu::noinline]] ssize_t send_file_quietly(int to, int from, off_t* offset, std::size_t count) {
  const detail::WithoutSigpipe guard;
  return ::sendfile(to, from, offset, count);
}

}  // namespace

Result<Socket> Socket::connect(const SocketAddress& address, Deadline deadline) {
  unique_fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(errno_error(last_errno(), "cannot create a socket"));
  set_no_delay(fd.get());
  Socket socket(std::move(fd));
  const auto* target = reinterpret_cast<const sockaddr*>(&address.storage);
  const auto cannot = [&](int error) {
    return fail(errno_error(error, fmt::format("cannot connect to {}", address.to_string())));
  };
  Duration pause = std::chrono::milliseconds(1);
  while (::connect(socket.fd(), target, address.length) != 0) {
    if (last_errno() == EAGAIN && address.storage.ss_family == AF_UNIX) {
      // The listener's backlog is full, and the kernel does not say when it has room again.
      if (auto waited = pause_for(pause, deadline); !waited) {
        return fail(std::move(waited).error().wrap(
            fmt::format("cannot connect to {}: its backlog is full", address.to_string())));
      }
      pause = std::min<Duration>(2 * pause, std::chrono::milliseconds(20));
      continue;
    }
    if (last_errno() != EINPROGRESS) return cannot(last_errno());
    // A stream socket that is not yet connected reports EPOLLOUT|EPOLLHUP as its first edge on some
    // kernels, so look at what came of it and wait on.
    for (;;) {
      if (auto writable = socket.poll_.wait_writable(deadline); !writable) return fail(writable);
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return cannot(error);
      sockaddr_storage peer;
      size = sizeof peer;
      if (::getpeername(socket.fd(), reinterpret_cast<sockaddr*>(&peer), &size) == 0) break;
      if (last_errno() != ENOTCONN) return cannot(last_errno());
    }
    break;
  }
  return socket;
}

Result<std::size_t> Socket::try_read(std::span<char> into) {
  const ssize_t n = ::recv(fd(), into.data(), into.size(), 0);
  if (n >= 0) {
    // With edge triggering a short read means the buffer is empty, unless the end of the stream
    // came with the same edge.
    drained_ = n > 0 && static_cast<std::size_t>(n) < into.size() && !poll_.end_seen();
    return static_cast<std::size_t>(n);
  }
  if (last_errno() == EAGAIN) {
    drained_ = true;
    return fail(ErrorCode::kUnavailable, "nothing to read now");
  }
  return fail(errno_error(last_errno(), "cannot read from a socket"));
}

Result<std::size_t> Socket::read_some(std::span<char> into, Deadline deadline) {
  take_turns();
  for (;;) {
    if (drained_) {
      if (auto readable = poll_.wait_readable(deadline); !readable) return fail(readable);
      drained_ = false;
    }
    auto got = try_read(into);
    if (got.has_value() || got.error().code() != ErrorCode::kUnavailable) return got;
  }
}

Result<void> Socket::wait_readable(Deadline deadline) {
  if (!drained_) {
    char byte;
    const ssize_t n = ::recv(fd(), &byte, 1, MSG_PEEK);
    if (n >= 0 || last_errno() != EAGAIN) return {};
  }
  for (;;) {
    if (auto readable = poll_.wait_readable(deadline); !readable) return readable;
    drained_ = false;
    char byte;
    const ssize_t n = ::recv(fd(), &byte, 1, MSG_PEEK);
    if (n >= 0 || last_errno() != EAGAIN) return {};
  }
}

Result<void> Socket::write_all(std::string_view bytes, Deadline deadline, More more) {
  const int flags = send_flags(more);
  while (!bytes.empty()) {
    take_turns();
    const ssize_t n = ::send(fd(), bytes.data(), bytes.size(), flags);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (last_errno() == EAGAIN) {
      if (auto writable = poll_.wait_writable(deadline); !writable) return writable;
    } else if (last_errno() != EINTR) {
      return fail(errno_error(last_errno(), "cannot write to a socket"));
    }
  }
  return {};
}

Result<void> Socket::write_all(std::span<iovec> parts, Deadline deadline, More more) {
  constexpr std::size_t kMostParts = 64;
  const int flags = send_flags(more);
  while (!parts.empty()) {
    if (parts.front().iov_len == 0) {
      parts = parts.subspan(1);
      continue;
    }
    // send(2) costs the kernel less than sendmsg(2).
    if (parts.size() == 1) {
      return write_all({static_cast<const char*>(parts[0].iov_base), parts[0].iov_len}, deadline,
                       more);
    }
    take_turns();
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = std::min(parts.size(), kMostParts);
    const ssize_t n = ::sendmsg(fd(), &message, flags);
    if (n < 0) {
      if (last_errno() == EINTR) continue;
      if (last_errno() != EAGAIN)
        return fail(errno_error(last_errno(), "cannot write to a socket"));
      if (auto writable = poll_.wait_writable(deadline); !writable) return writable;
      continue;
    }
    auto sent = static_cast<std::size_t>(n);
    while (sent > 0) {
      iovec& part = parts.front();
      const std::size_t used = std::min(sent, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + used;
      part.iov_len -= used;
      sent -= used;
      if (part.iov_len == 0) parts = parts.subspan(1);
    }
  }
  return {};
}

Result<void> Socket::send_file(int file, std::uint64_t offset, std::uint64_t count,
                               Deadline deadline) {
  constexpr std::uint64_t kMostAtOnce = 1 << 20;  // so that one fast peer does not hold the loop
  auto at = static_cast<off_t>(offset);
  while (count > 0) {
    take_turns();
    const ssize_t n =
        send_file_quietly(fd(), file, &at, static_cast<std::size_t>(std::min(count, kMostAtOnce)));
    if (n > 0) {
      count -= static_cast<std::uint64_t>(n);
    } else if (n == 0) {
      return fail(ErrorCode::kDataCorrupt,
                  "a file became shorter while it was sent: {} bytes are missing", count);
    } else if (last_errno() == EAGAIN) {
      if (auto writable = poll_.wait_writable(deadline); !writable) return writable;
    } else if (last_errno() != EINTR) {
      return fail(errno_error(last_errno(), "cannot send a file"));
    }
  }
  return {};
}

void Socket::shutdown_write() {
  ::shutdown(fd(), SHUT_WR);
}
void Socket::shutdown_both() {
  ::shutdown(fd(), SHUT_RDWR);
}

std::string Socket::peer_address() const {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (::getpeername(fd(), reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0)
    return "?";
  return address.to_string();
}

Result<Listener> Listener::bind(const SocketAddress& address, ListenOptions options) {
  unique_fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(errno_error(last_errno(), "cannot create a socket"));
  const int one = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (options.reuse_port) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0 ||
      ::listen(fd.get(), options.backlog) != 0) {
    return fail(errno_error(last_errno(), fmt::format("cannot listen on {}", address.to_string())));
  }
  return Listener(std::move(fd));
}

Result<Socket> Listener::accept(Deadline deadline) {
  for (;;) {
    take_turns();
    unique_fd fd(::accept4(poll_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      set_no_delay(fd.get());
      return Socket(std::move(fd));
    }
    switch (last_errno()) {
      case EAGAIN:
        if (auto readable = poll_.wait_readable(deadline); !readable) return fail(readable);
        break;
      // The connection died before we took it (accept(2) lists these).
      case EINTR:
      case ECONNABORTED:
      case EPROTO:
      case ENETDOWN:
      case ENOPROTOOPT:
      case EHOSTDOWN:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENETUNREACH:
        break;
      default:
        return fail(errno_error(last_errno(), "cannot accept a connection"));
    }
  }
}

Result<SocketAddress> Listener::local_address() const {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (::getsockname(poll_.fd(), reinterpret_cast<sockaddr*>(&address.storage), &address.length) !=
      0) {
    return fail(errno_error(last_errno(), "cannot tell the local address"));
  }
  return address;
}

}  // namespace saola::runtime
