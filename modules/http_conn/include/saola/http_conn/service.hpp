// Serving HTTP/1.1 over connections: one Service is shared by all connections of a process.
//
//   struct Hello final : http::Handler {
//     http::Response handle(http::Request&) override { return {200, "text/plain", "hello\n"}; }
//   };
//
//   Hello hello;
//   Service service(hello);
//   auto listener = runtime::Listener::bind(*runtime::SocketAddress::parse("127.0.0.1:8000"));
//   runtime::Task accepting = runtime::spawn([&] { (void)service.accept_from(*listener); });
//   …
//   accepting.cancel();
//   service.stop();
//   if (!service.wait_closed(Deadline::after(30s))) service.abort();
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/http/handler.hpp>
#include <saola/http/limits.hpp>
#include <saola/http_conn/tls.hpp>
#include <saola/http_conn/transport.hpp>
#include <saola/runtime/socket.hpp>

namespace saola::http_conn {

// One answered request, for the access log and metrics. Views are valid during the call. A refused
// one is answered too, with what was understood of it.
struct Access {
  // What was understood of it: method_name and target are empty when the request line was refused
  // or never came.
  const http::Request& request;
  int status = 0;
  const http::Headers& response_headers;
  std::uint64_t body_bytes = 0;  // sent, framing not counted
  SystemTime started;            // when the head was complete
  Duration duration{};           // from then to the last byte handed to the kernel
  bool complete = true;          // false: the client went away or the response was cut
};

// Called after every response, from many connections at a time; must not suspend.
//
//   struct Slow final : AccessSink {
//     void on_access(const Access& access) override {
//       if (access.duration > 1s) log_warning("slow", {{"target", access.request.target}});
//     }
//   };
class AccessSink {
 public:
  virtual ~AccessSink() = default;
  virtual void on_access(const Access& access) = 0;
};

// How long and how much a client may; the defaults fit the open internet.
//
//   ServiceOptions options;
//   options.limits.body_size = 1 << 30;                     // uploads
//   options.idle_timeout = std::chrono::seconds(5);
struct ServiceOptions {
  http::Limits limits;
  // From the first byte of a request to the end of its head; then 408.
  Duration header_timeout = std::chrono::seconds(10);
  // The longest silence inside a request body; then 408. Waiting uses it up and bytes restore it,
  // at min_rate.
  Duration body_timeout = std::chrono::seconds(30);
  // The longest wait for the next (or first) request; then the connection closes.
  Duration idle_timeout = std::chrono::seconds(75);
  // How long a client may take for the next 64 KiB of a response; then the connection is reset.
  // Restored in the same way.
  Duration write_timeout = std::chrono::seconds(30);
  // Bytes a second that a client has to send of a body, or take of a response, on average over the
  // time-out. 0: any byte restores the whole of it, so a client can go on for ever.
  std::uint64_t min_rate = 240;
  // How long to read on, and throw away, what a client still sends of a body that nobody wants, so
  // that it sees the answer: most clients look only when they have sent all, and closing before
  // would be a reset. It ends after linger_time, at a silence of linger_timeout, and two seconds
  // after stop().
  Duration linger_time = std::chrono::seconds(30);
  Duration linger_timeout = std::chrono::seconds(5);
  // A body that the handler left unread is read and thrown away up to this many bytes, so that the
  // connection can be kept. A longer one closes it.
  std::uint64_t drain_limit = 64 * 1024;
  // Requests on one connection; then it closes. 0: no limit.
  std::uint64_t max_requests = 0;
  // Makes the answer to a request that was refused, timed out, or whose handler threw. The default
  // is a problem document (RFC 9457). `request` may be understood only in part.
  std::function<http::Response(int status, std::string_view detail, const http::Request& request)>
      error_response;
  // Called when a handler threw, on the connection's task; the default logs an error.
  std::function<void(std::exception_ptr error, const http::Request& request)> on_exception;
};

// What comes before HTTP on a connection; it must end within the header time-out. Nothing: {}. The
// PROXY header comes first, then TLS, as a proxy that does not end TLS sends them.
struct Prologue {
  // Expect a PROXY header, and believe it: only for listeners and peers that are trusted to send
  // one.
  enum class Proxy : bool { kNone, kExpected };
  Proxy proxy = Proxy::kNone;
  // Then a TLS handshake. Null: plain text. Outlives the connection.
  TlsContext* tls = nullptr;
};

// What a Service does now and did since its start.
struct ServiceStats {
  std::uint64_t open = 0;      // connections now
  std::uint64_t idle = 0;      // of those, between requests
  std::uint64_t accepted = 0;  // connections ever
  std::uint64_t requests = 0;  // answered ever, refusals included
};

// Thread-safe. On a fiber, everything suspends it; on a plain thread it blocks.
class Service {
 public:
  // REQUIRES: `handler` and `sink` (may be null) outlive the service.
  Service(http::Handler& handler, ServiceOptions options = {}, AccessSink* sink = nullptr);
  // REQUIRES: no connection is open.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Serves one connection until it ends; a prologue that fails ends it. Throws runtime::Cancelled
  // when the task is cancelled, nothing else. SUSPENDS.
  void serve(runtime::Socket socket, Prologue prologue = {});
  // The same over a transport that is ready to be read.
  void serve(Transport& transport);

  // Serves the connection on a task of its own; it counts as open from now on. `on_closed` (may be
  // empty) is called at its end, before it ceases to count. Does not suspend.
  void start(runtime::Socket socket, Prologue prologue = {},
             std::move_only_function<void()> on_closed = {});

  // Accepts connections and serves each on a task of its own, until this task is cancelled, stop()
  // is called and the listener is closed, or the listener fails. Out of descriptors it waits and
  // goes on. SUSPENDS.
  Result<void> accept_from(runtime::Listener& listener, Prologue prologue = {});

  // Requests Request::leaving, on which handlers and streams end, and asks clients to go elsewhere:
  // each response closes its connection from now on. Idle connections stay. May come twice.
  void leave();
  // Graceful end: leave(), and idle connections close now, busy ones after their response. May come
  // twice. The caller stops accepting.
  void stop();
  // Closes, of the connections that wait between two requests, the one that was opened first. False:
  // there is none.
  bool end_oldest_idle();
  // Waits until no connection is open; false at the deadline. SUSPENDS.
  bool wait_closed(Deadline deadline);
  // Ends every connection in the middle of what it does.
  void abort();

  // Any thread.
  ServiceStats stats() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace saola::http_conn
