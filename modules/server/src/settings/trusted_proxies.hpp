// Who may say where a request really comes from.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/http/headers.hpp>

namespace saola::server {

// Whether `text` can be put before an absolute path: empty, or segments of letters, digits and
// "-._~", each with a '/' in front: no "//", which would name another host, no ".." and no last '/'.
bool is_prefix(std::string_view text);

class TrustedProxies {
 public:
  // Each text is an IP address, a network ("10.0.0.0/8", "fd00::/8") or "*".
  static Result<TrustedProxies> parse(const std::vector<std::string>& texts);

  // `address` as in Request::remote_address. Peers on unix sockets are trusted: only local
  // processes with the rights to the file reach them.
  bool trusts(std::string_view address) const;

  // The client of a request that `peer` sent: the last address in X-Forwarded-For that is not a
  // trusted proxy's, when the peer is one; else nullopt.
  std::optional<std::string> client(std::string_view peer, const http::HeaderView& headers) const;
  // The X-Forwarded-Prefix of a trusted peer: "/splits", or empty for the root; nullopt when there is
  // none, or none that is_prefix() takes.
  std::optional<std::string_view> prefix(std::string_view peer,
                                         const http::HeaderView& headers) const;
  // "https" or "http" when a trusted peer says so in X-Forwarded-Proto.
  std::optional<std::string_view> scheme(std::string_view peer,
                                         const http::HeaderView& headers) const;

 private:
  struct Network {
    std::array<std::uint8_t, 16> address{};  // IPv4 as ::ffff:a.b.c.d
    int bits = 128;
  };
  static std::optional<std::array<std::uint8_t, 16>> parse_address(std::string_view text);

  bool all_ = false;
  std::vector<Network> networks_;
};

}  // namespace saola::server
