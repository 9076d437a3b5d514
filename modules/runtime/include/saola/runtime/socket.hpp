// Stream sockets (TCP and unix). Every call that waits suspends the fiber, or blocks a plain
// thread, until its deadline. Errors: kTimedOut (deadline), kCancelled (the task was cancelled),
// kClosed (the peer reset the connection, or does not read any more), others from errno. Calls with
// room or data go on without looking at deadline and cancel; but 64 of them in a row let other
// fibers run.
//
//   auto addresses = resolve("example.com", 80, deadline);
//   if (!addresses) return addresses.error();
//   auto socket = Socket::connect(addresses->front(), deadline);
//   if (!socket) return socket.error();
//   if (auto sent = socket->write_all(request, deadline); !sent) return sent.error();
//   std::array<char, 4096> buffer;
//   while (auto n = socket->read_some(buffer, deadline)) {
//     if (*n == 0) break;                                    // the end of the stream
//     use({buffer.data(), *n});
//   }
//
// A server:
//
//   auto listener = Listener::bind(*SocketAddress::parse("127.0.0.1:8000"));
//   while (auto peer = listener->accept(Deadline::never()))
//     spawn([socket = *std::move(peer)]() mutable { serve(socket); }).detach();
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/runtime/park.hpp>

namespace saola::runtime {

// An address: "127.0.0.1:8000", "[::1]:8000" or "unix:/path".
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  // As parse() reads it; "unix:" for an unnamed unix socket.
  std::string to_string() const;
  // Numeric addresses and unix paths only; names are resolve()'s. kInvalidArgument.
  static Result<SocketAddress> parse(std::string_view text);
};

class WaitNode;

namespace detail {
class Loop;
struct FdWatch;
class DescriptorBranch;
}  // namespace detail

// A non-blocking descriptor that fibers and threads can wait on: sockets, pipes, eventfd, signalfd,
// pidfd. At most one waiter for reading and one for writing at a time; fibers among them belong to
// one Runtime, which outlives the PollFd.
//
//   PollFd event(unique_fd(::eventfd(0, EFD_CLOEXEC)));
//   std::uint64_t count = 0;
//   while (::read(event.fd(), &count, sizeof count) < 0 && errno == EAGAIN) {
//     if (auto ready = event.wait_readable(deadline); !ready) return ready;
//   }
class PollFd {
 public:
  PollFd() = default;
  // Takes ownership and sets O_NONBLOCK.
  explicit PollFd(unique_fd fd);
  PollFd(PollFd&&) noexcept;
  PollFd& operator=(PollFd&&) noexcept;
  // REQUIRES: nobody waits.
  ~PollFd();

  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }
  // Waits until a read (write) may make progress. Call it after EAGAIN: with edge triggering,
  // readiness that was not used up is not told again. SUSPENDS.
  Result<void> wait_readable(Deadline deadline);
  Result<void> wait_writable(Deadline deadline);
  // Closes it. REQUIRES: nobody waits. Idempotent.
  void close();

 private:
  friend class Socket;
  friend class Process;
  friend class detail::DescriptorBranch;
  enum class Direction : std::uint8_t { kRead, kWrite };
  // The watch on this loop, made if need be. Null, with errno set, when it cannot be watched.
  detail::FdWatch* watch_on(detail::Loop& loop);
  Result<void> wait_for(Direction direction, Deadline deadline, WaitFor what);
  // The peer's end of stream, or an error, was seen.
  bool end_seen() const;

  unique_fd fd_;
  // Owned. Made by the first wait of a fiber. Release when stored, acquire when read: the tasks of
  // both directions may run on different threads.
  std::atomic<detail::FdWatch*> watch_{nullptr};
  SpinLock guard_;  // held while watch_ is made
};

// Whether more bytes follow at once, so that the kernel may wait for them (MSG_MORE, at most 200 ms)
// and send fewer packets.
enum class More : bool { kNo, kYes };

// A connected stream. One reader and one writer at a time (they may be different tasks).
// TCP_NODELAY is set on those that connect() and accept() make; writes never raise SIGPIPE. Closed
// by the destructor. REQUIRES: nobody waits then.
class Socket {
 public:
  Socket() = default;
  explicit Socket(unique_fd fd) : poll_(std::move(fd)) {}

  // Connects. The deadline covers the whole handshake, and on a unix socket the time until a
  // listener whose backlog is full has room. kUnavailable: nobody listens, or no way there;
  // kNotFound: no such unix socket. SUSPENDS.
  static Result<Socket> connect(const SocketAddress& address, Deadline deadline);

  int fd() const { return poll_.fd(); }
  explicit operator bool() const { return static_cast<bool>(poll_); }

  // Reads what there is: at least one byte, at most into.size(), or 0 at the peer's end of stream.
  // SUSPENDS while there is nothing.
  Result<std::size_t> read_some(std::span<char> into, Deadline deadline);
  // What is there now, without waiting: nothing → kUnavailable.
  Result<std::size_t> try_read(std::span<char> into);
  // All of it, or an error; then an unknown part was sent. SUSPENDS.
  Result<void> write_all(std::string_view bytes, Deadline deadline, More more = More::kNo);
  // All parts in order, with as few system calls as possible; `parts` is used up. SUSPENDS.
  Result<void> write_all(std::span<iovec> parts, Deadline deadline, More more = More::kNo);
  // `count` bytes of file `fd` from `offset` with sendfile(2). A file that ends early is
  // kDataCorrupt. SUSPENDS.
  Result<void> send_file(int fd, std::uint64_t offset, std::uint64_t count, Deadline deadline);
  // Waits until read_some() would return at once (data, end or error). SUSPENDS.
  Result<void> wait_readable(Deadline deadline);

  // Sends our end of stream, or ends both directions: a task that waits in a read or write wakes.
  // Errors are ignored: the peer may be gone already. Any task.
  void shutdown_write();
  void shutdown_both();
  void close() { poll_.close(); }
  // For waits of one's own; see select.hpp.
  PollFd& poll_fd() { return poll_; }
  // "127.0.0.1:4711", "unix:" for a unix socket.
  std::string peer_address() const;

 private:
  PollFd poll_;
  // The last read took less than it was offered, so the kernel's buffer is empty: wait before
  // reading.
  bool drained_ = false;
};

// How a Listener is made.
struct ListenOptions {
  int backlog = 2048;
  // Lets other sockets listen on the same port (SO_REUSEPORT): the kernel spreads connections over
  // them.
  bool reuse_port = false;
};

// A listening socket, possibly shared with other processes.
class Listener {
 public:
  Listener() = default;
  // Takes over a descriptor that is already listening (inherited).
  explicit Listener(unique_fd fd) : poll_(std::move(fd)) {}
  // Binds with SO_REUSEADDR and listens. The path of a unix socket must not exist. kUnavailable:
  // the address is in use, or not one of this machine's; kPermissionDenied.
  static Result<Listener> bind(const SocketAddress& address, ListenOptions options = {});

  // The next connection; one that ended before it was taken is passed over. SUSPENDS.
  // kResourceExhausted when the process is out of descriptors: wait a little and call again. Any
  // number of tasks and processes may accept from one port, but one task at a time from one
  // Listener.
  Result<Socket> accept(Deadline deadline);
  // Where it listens, with the port the kernel chose.
  Result<SocketAddress> local_address() const;
  int fd() const { return poll_.fd(); }
  PollFd& poll_fd() { return poll_; }
  void close() { poll_.close(); }

 private:
  PollFd poll_;
};

// Addresses of `host` (name or numeric) for `port`, in getaddrinfo's order. kTimedOut, kCancelled:
// the look-up is given up at once; kNotFound: no such name; kUnavailable: no name server answers.
// Few look-ups run at one time in a process, on threads of their own; the others queue. SUSPENDS.
Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port,
                                           Deadline deadline);

}  // namespace saola::runtime
