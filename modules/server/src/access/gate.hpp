// In front of an application: refuses requests for another host and those that another site's page
// sends to change something, finds out who asks, and refuses what they may not.
//
// Who: the token in Authorization; else the user that a trusted proxy names; else the session in a
// cookie; else the client's certificate, where that gives a role. One that is shown and is wrong is refused, whatever else is right.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <saola/http/handler.hpp>

#include "access/credentials.hpp"
#include "access/hosts.hpp"
#include "access/origins.hpp"
#include "access/sessions.hpp"
#include "settings/trusted_proxies.hpp"

namespace saola::server {

struct GateOptions {
  std::string realm;  // for WWW-Authenticate
  // What a request needs; empty: what its method does.
  std::function<http::Role(const http::Request&)> role_needed;
  // Where browsers without a session are sent; empty: they get 401 as everybody.
  std::string login_path;
};

// Fails when allowed-hosts or cors-origins cannot be understood.
Result<void> check_gate(const Settings& settings);

// Thread-safe. REQUIRES: check_gate() has succeeded.
class Gate {
 public:
  // `addresses`: where the process listens.
  Gate(const Settings& settings, const Credentials& credentials,
       std::span<const std::string> addresses, GateOptions options);

  // Sets request.caller; the answer when the request goes no further: 421 for another host, 403 for
  // another site's page, a preflight's, and 401, 403 or 303 to the login page for what the caller
  // may not ask. REQUIRES: request.remote_address is the peer's own, before any proxy's word.
  std::optional<http::Response> refuse(http::Request& request) const;

  // Adds to any response, also one of refuse(), what lets pages of cors-origins see it.
  void show(const http::Request& request, http::Response& response) const {
    origins_.show(request, response);
  }

  // What POST /login puts into the cookie: a session for the holder of a token, or nothing when it
  // is no token.
  std::optional<std::string> open_session(std::string_view token) const;

 private:
  struct Finding {
    http::Caller caller{.role = http::Role::kNone};
    std::string_view wrong;  // what was shown and is no credential; empty: nothing
  };
  std::optional<http::Response> refuse_caller(http::Request& request) const;
  Finding look(const http::Request& request) const;
  http::Role proxy_role(const http::Request& request) const;
  http::Response ask_to_log_in(const http::Request& request, std::string_view wrong) const;

  const GateOptions options_;
  const AllowedHosts hosts_;
  const Origins origins_;
  const bool asks_who_;
  const std::vector<Token> tokens_;
  const std::optional<Sessions> sessions_;
  const std::string user_header_;
  const std::string role_header_;
  const http::Role user_role_;
  const http::Role certificate_role_;
  const TrustedProxies proxies_;
};

}  // namespace saola::server
