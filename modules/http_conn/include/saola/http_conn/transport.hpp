// The bytes of one connection: a plain socket, or TLS on top of one. What Service needs of either.
//
//   SocketTransport plain(std::move(socket));
//   service.serve(plain);
//
//   TlsTransport secure(std::move(socket), *tls);
//   if (secure.handshake(Deadline::after(10s))) service.serve(secure);
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/runtime/socket.hpp>

namespace saola::http_conn {

using runtime::More;

// One connection's bytes both ways. One reader and one writer at a time (they may be different
// tasks). Errors as for runtime::Socket: kTimedOut, kCancelled, kClosed and others from errno.
// Calls with a Deadline SUSPEND. After an error of a write the stream is of no use: an unknown part
// was sent.
class Transport {
 public:
  virtual ~Transport() = default;

  // At least one byte, or 0 at the end of the stream.
  virtual Result<std::size_t> read_some(std::span<char> into, Deadline deadline) = 0;
  // What is there now; nothing is kUnavailable.
  virtual Result<std::size_t> try_read(std::span<char> into) = 0;
  // Waits until read_some() would return at once.
  virtual Result<void> wait_readable(Deadline deadline) = 0;
  // All parts in order. Uses up `parts`, whose memory must stay until it returns.
  virtual Result<void> write_all(std::span<iovec> parts, More more, Deadline deadline) = 0;
  // Sends at once what More::kYes holds back. From any task or thread; does not suspend.
  virtual void push() = 0;
  // `count` bytes of a file from `offset`; kDataCorrupt when it is shorter. By sendfile(2) on a
  // plain socket.
  virtual Result<void> send_file(int fd, std::uint64_t offset, std::uint64_t count,
                                 Deadline deadline) = 0;
  // Before a large or endless body: keep little of it in the kernel, so that a slow client shows as
  // one and costs little memory.
  virtual void limit_unsent() = 0;
  // No more will be written; the client may still be sending.
  virtual void shutdown_write() = 0;
  // Ends the reader's wait: it reads what has come, then 0. From any task or thread.
  virtual void stop_reading() = 0;
  // Ends reading and writing. From any task or thread.
  virtual void shutdown_both() = 0;
  // The destructor will reset the connection instead of ending it in good order, so that the client
  // cannot take what it has for the whole.
  virtual void reset_on_close() = 0;
  // The client, or who a trusted proxy says it is: "192.0.2.1:4711", "unix:" of a unix socket.
  virtual std::string peer_address() const = 0;
  // "http" or "https".
  virtual std::string_view scheme() const = 0;
  // As http::Request::client_certificate. Lives as long as the transport.
  virtual std::string_view client_certificate() const { return {}; }
};

// A plain socket.
class SocketTransport final : public Transport {
 public:
  // `peer`: who a trusted proxy says its client is; empty for the socket's own peer.
  explicit SocketTransport(runtime::Socket socket, std::string peer = {})
      : socket_(std::move(socket)), peer_(std::move(peer)) {}

  Result<std::size_t> read_some(std::span<char> into, Deadline deadline) override;
  Result<std::size_t> try_read(std::span<char> into) override;
  Result<void> wait_readable(Deadline deadline) override;
  Result<void> write_all(std::span<iovec> parts, More more, Deadline deadline) override;
  void push() override;
  Result<void> send_file(int fd, std::uint64_t offset, std::uint64_t count,
                         Deadline deadline) override;
  void limit_unsent() override;
  void shutdown_write() override;
  void stop_reading() override;
  void shutdown_both() override;
  void reset_on_close() override;
  std::string peer_address() const override {
    return peer_.empty() ? socket_.peer_address() : peer_;
  }
  std::string_view scheme() const override { return "http"; }

 private:
  runtime::Socket socket_;
  std::string peer_;
};

}  // namespace saola::http_conn
