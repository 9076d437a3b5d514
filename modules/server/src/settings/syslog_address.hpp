// Where a syslog daemon listens, as users write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <saola/base/error.hpp>

namespace saola::server {

struct SyslogAddress {
  enum class Kind { kUdp, kTcp, kUnix };
  // Of kUnix. kAny: datagrams, or a stream when the socket is one.
  enum class Type { kAny, kDatagram, kStream };

  Kind kind = Kind::kUnix;
  std::string host;          // kUdp, kTcp
  std::uint16_t port = 514;  // kUdp, kTcp
  std::string path;          // kUnix
  Type type = Type::kAny;

  // "udp://HOST[:PORT]", "tcp://HOST[:PORT]", "unix:///PATH[#dgram|#stream]"; HOST may be [IPV6].
  static Result<SyslogAddress> parse(std::string_view text);
  std::string to_string() const;
  friend bool operator==(const SyslogAddress&, const SyslogAddress&) = default;
};

// The names of facilities, in the order of --help, with their numbers (RFC 3164 §4.1.1).
const std::vector<std::pair<std::string, int>>& syslog_facilities();

}  // namespace saola::server
