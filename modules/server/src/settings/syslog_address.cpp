#include "settings/syslog_address.hpp"

#include <sys/un.h>

#include <charconv>

#include <fmt/core.h>

namespace saola::server {
namespace {

constexpr std::string_view kUdp = "udp://";
constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kUnix = "unix://";

std::unexpected<Error> not_understood() {
  return fail(
      ErrorCode::kInvalidArgument,
      "write udp://HOST:PORT, tcp://HOST:PORT or unix:///PATH, the last perhaps with #dgram "
      "or #stream behind it");
}

Result<SyslogAddress> parse_unix(std::string_view text) {
  SyslogAddress out;
  const std::size_t hash = text.find('#');
  out.path = text.substr(0, hash);
  const std::string_view type =
      hash == std::string_view::npos ? std::string_view() : text.substr(hash + 1);
  if (type == "dgram") {
    out.type = SyslogAddress::Type::kDatagram;
  } else if (type == "stream") {
    out.type = SyslogAddress::Type::kStream;
  } else if (hash != std::string_view::npos) {
    return not_understood();
  }
  if (!out.path.starts_with('/') || out.path.size() >= sizeof(sockaddr_un::sun_path)) {
    return fail(ErrorCode::kInvalidArgument,
                "a unix socket's path begins with / and has at most {} bytes",
                sizeof(sockaddr_un::sun_path) - 1);
  }
  return out;
}

Result<SyslogAddress> parse_internet(SyslogAddress::Kind kind, std::string_view text) {
  SyslogAddress out;
  out.kind = kind;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return not_understood();
    out.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    out.host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (out.host.empty()) return not_understood();
  if (port.empty()) return out;
  const char* end = port.data() + port.size();
  const auto [last, error] = std::from_chars(port.data() + 1, end, out.port);
  if (port[0] != ':' || error != std::errc() || last != end || out.port == 0) {
    return not_understood();
  }
  return out;
}

}  // namespace

Result<SyslogAddress> SyslogAddress::parse(std::string_view text) {
  if (text.starts_with(kUnix)) return parse_unix(text.substr(kUnix.size()));
  if (text.starts_with(kUdp)) return parse_internet(Kind::kUdp, text.substr(kUdp.size()));
  if (text.starts_with(kTcp)) return parse_internet(Kind::kTcp, text.substr(kTcp.size()));
  return not_understood();
}

std::string SyslogAddress::to_string() const {
  if (kind == Kind::kUnix) {
    return fmt::format("{}{}{}", kUnix, path,
                       type == Type::kDatagram ? "#dgram"
                       : type == Type::kStream ? "#stream"
                                               : "");
  }
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}{}:{}", kind == Kind::kUdp ? kUdp : kTcp, v6 ? "[" : "", host,
                     v6 ? "]" : "", port);
}

const std::vector<std::pair<std::string, int>>& syslog_facilities() {
  static const std::vector<std::pair<std::string, int>> the_names{
      {"user", 1},     {"daemon", 3},  {"local0", 16}, {"local1", 17},   {"local2", 18},
      {"local3", 19},  {"local4", 20}, {"local5", 21}, {"local6", 22},   {"local7", 23},
      {"auth", 4},     {"cron", 9},    {"ftp", 11},    {"kern", 0},      {"lpr", 6},
      {"mail", 2},     {"news", 7},    {"syslog", 5},  {"authpriv", 10}, {"uucp", 8},
      {"security", 4},
  };
  return the_names;
}

}  // namespace saola::server
