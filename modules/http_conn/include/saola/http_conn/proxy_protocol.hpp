// The PROXY protocol, versions 1 and 2 (haproxy's doc/proxy-protocol.txt): before the first byte of
// a connection a proxy says who its client is.
//
//   const Result<std::string> client = read_proxy_header(socket, Deadline::after(10s));
//   if (!client) return;                                  // close it
//   TlsTransport transport(std::move(socket), tls, *client);
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/runtime/socket.hpp>

namespace saola::http_conn {

// What the front of a connection's bytes comes to.
struct ProxyHeader {
  enum class State { kNeedMore, kDone, kRefused };
  State state = State::kNeedMore;
  // kNeedMore: so many bytes more are part of the header for certain; > 0.
  std::size_t missing = 0;
  // kDone: bytes of the header.
  std::size_t size = 0;
  // kDone: "192.0.2.1:4711", "[2001:db8::1]:4711"; empty when the proxy speaks for itself (LOCAL)
  // or does not say (UNKNOWN, other families): then the connection's own address stands.
  std::string client;
};

// Looks at the front of `bytes`: call again with more while it is kNeedMore. A header longer than
// 107 bytes (version 1) or 4096 (version 2, extensions included) is kRefused.
ProxyHeader parse_proxy_header(std::string_view bytes);

// Reads the header and not a byte more; the client it names, empty when it names none.
// kInvalidArgument when there is no header. Only for connections from addresses that are trusted to
// tell the truth. SUSPENDS.
Result<std::string> read_proxy_header(runtime::Socket& socket, Deadline deadline);

}  // namespace saola::http_conn
