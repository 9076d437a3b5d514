// Which names a server answers to. A page of a foreign site can have its own name resolve to this
// machine (DNS rebinding) and then read what it likes; but the browser still says the page's name.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/http/request.hpp>
#include <saola/server/settings.hpp>

namespace saola::server {

// Fails for what is no host: "example.org", "*.example.org" (any name below it), "*", an address.
Result<void> check_host_pattern(std::string_view text);

class AllowedHosts {
 public:
  // `addresses`: where the process listens. Without the setting allowed-hosts every name is
  // allowed, unless all TCP addresses are loopback ones: then those of the binds.
  AllowedHosts(const Settings& settings, std::span<const std::string> addresses);

  // Names that no foreign page can have always are: localhost and others without a dot, loopback
  // addresses. So is a request that names no host (HTTP/1.0), which no browser sends. Without the setting, what comes over a unix socket is too: it comes from a proxy.
  bool allows(const http::Request& request) const;

 private:
  bool any_ = false;
  bool unix_ = false;
  std::vector<std::string> patterns_;  // in lower case
};

// Host and port of a Host field or of an origin, to be compared: lower case, without the trailing
// dot and the ports 80 and 443.
std::string comparable_host(std::string_view host);

}  // namespace saola::server
