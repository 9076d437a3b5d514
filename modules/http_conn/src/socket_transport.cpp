#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <saola/http_conn/transport.hpp>

namespace saola::http_conn {
namespace {
constexpr int kMostUnsent = 128 * 1024;  // bytes
}  // namespace

Result<std::size_t> SocketTransport::read_some(std::span<char> into, Deadline deadline) {
  return socket_.read_some(into, deadline);
}

Result<std::size_t> SocketTransport::try_read(std::span<char> into) {
  return socket_.try_read(into);
}

Result<void> SocketTransport::wait_readable(Deadline deadline) {
  return socket_.wait_readable(deadline);
}

Result<void> SocketTransport::write_all(std::span<iovec> parts, More more, Deadline deadline) {
  return socket_.write_all(parts, deadline, more);
}

void SocketTransport::push() {
  // Setting it sends what is there, also when it was set before. A unix socket holds nothing back.
  constexpr int kOn = 1;
  ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
}

Result<void> SocketTransport::send_file(int fd, std::uint64_t offset, std::uint64_t count,
                                        Deadline deadline) {
  return socket_.send_file(fd, offset, count, deadline);
}

void SocketTransport::limit_unsent() {
  // Fails on a unix socket, whose buffer is small anyway.
  ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kMostUnsent, sizeof kMostUnsent);
}

void SocketTransport::shutdown_write() {
  socket_.shutdown_write();
}
void SocketTransport::stop_reading() {
  ::shutdown(socket_.fd(), SHUT_RD);
}
void SocketTransport::shutdown_both() {
  socket_.shutdown_both();
}

void SocketTransport::reset_on_close() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace saola::http_conn
