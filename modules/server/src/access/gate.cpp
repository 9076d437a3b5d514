#include "access/gate.hpp"

#include <algorithm>

#include <fmt/core.h>

#include <saola/http/problem.hpp>
#include <saola/http/uri.hpp>
#include <saola/server/server_settings.hpp>

#include "settings/parsed_settings.hpp"

namespace saola::server {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr std::size_t kLongestUser = 256;

std::optional<Sessions> sessions_of(const Settings& settings, const Credentials& credentials) {
  if (credentials.session_keys.empty()) return std::nullopt;
  return Sessions(credentials.session_keys, settings.get(setting::kSessionTime));
}

// The value of the first cookie so named; empty when there is none.
std::string_view cookie(const http::HeaderView& headers, std::string_view name) {
  for (const http::Field& field : headers) {
    if (!http::iequals(field.name, "Cookie")) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = http::trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
        return pair.substr(name.size() + 1);
      }
    }
  }
  return {};
}

bool wants_page(const http::Request& request) {
  return (request.method == http::Method::kGet || request.method == http::Method::kHead) &&
         request.headers.joined("Accept").contains("text/html");
}

}  // namespace

Result<void> check_gate(const Settings& settings) {
  const auto check = [&](const Setting<std::vector<std::string>>& setting,
                         Result<void> (*one)(std::string_view)) -> Result<void> {
    for (const std::string& text : settings.get(setting)) {
      if (auto checked = one(text); !checked) {
        return fail(std::move(checked).error().wrap(
            fmt::format("{}: '{}' ({})", setting.key, text, settings.origin(setting.key))));
      }
    }
    return {};
  };
  if (auto hosts = check(setting::kAllowedHosts, check_host_pattern); !hosts) return hosts;
  return check(setting::kCorsOrigins, check_origin);
}

Gate::Gate(const Settings& settings, const Credentials& credentials,
           std::span<const std::string> addresses, GateOptions options)
    : options_(std::move(options)),
      hosts_(settings, addresses),
      origins_(settings.get(setting::kCorsOrigins)),
      asks_who_(credentials.asks_who),
      tokens_(credentials.tokens),
      sessions_(sessions_of(settings, credentials)),
      user_header_(settings.get(setting::kAuthUserHeader)),
      role_header_(settings.get(setting::kAuthRoleHeader)),
      user_role_(*http::parse_role(settings.get(setting::kAuthUserRole))),
      certificate_role_(*http::parse_role(settings.get(setting::kAuthCertificateRole))),
      proxies_(trusted_proxies(settings, setting::kForwardedAllowIps)) {}

std::optional<http::Response> Gate::refuse(http::Request& request) const {
  const auto problem = [&](int status, std::string detail) {
    return http::problem_response({.status = status,
                                   .detail = std::move(detail),
                                   .request_id = std::string(request.request_id)});
  };
  if (!hosts_.allows(request)) {
    return problem(421,
                   fmt::format("This server does not answer for '{}'. Ask it by a name that it "
                               "has, or let its operator add the name to allowed-hosts.",
                               request.host));
  }
  if (auto answer = origins_.preflight(request)) return answer;
  if (!http::is_safe(request.method) && Origins::is_foreign(request) &&
      !origins_.is_allowed(request)) {
    return problem(403, fmt::format("A page of another site ({}) sent this, so it was not done. A "
                                    "proxy in front must pass Host on; pages that may ask are "
                                    "listed in cors-origins.",
                                    request.headers.get_or("Origin", "its origin is not given")));
  }
  return refuse_caller(request);
}

std::optional<http::Response> Gate::refuse_caller(http::Request& request) const {
  if (!asks_who_) return std::nullopt;
  const http::Role needed =
      options_.role_needed ? options_.role_needed(request) : http::role_for(request.method);
  const Finding found = look(request);
  request.caller = found.caller;
  if (found.caller.role >= needed) return std::nullopt;
  if (found.caller.name.empty()) return ask_to_log_in(request, found.wrong);
  http::Response response = http::problem_response(
      {.status = 403,
       .detail = fmt::format("'{}' has the role {}; this takes {}.", found.caller.name,
                             http::to_string(found.caller.role), http::to_string(needed)),
       .code = std::string(to_string(ErrorCode::kPermissionDenied)),
       .request_id = std::string(request.request_id)});
  response.headers.add("WWW-Authenticate",
                       fmt::format(R"(Bearer realm="{}", error="insufficient_scope", scope="{}")",
                                   options_.realm, http::to_string(needed)));
  return response;
}

Gate::Finding Gate::look(const http::Request& request) const {
  const auto known = [](const Token* token) {
    return Finding{.caller = {.name = token->name, .role = token->role}, .wrong = {}};
  };
  for (const http::Field& field : request.headers) {
    if (!http::iequals(field.name, "Authorization") || field.value.size() < kBearer.size() ||
        !http::iequals(field.value.substr(0, kBearer.size()), kBearer)) {
      continue;
    }
    const Token* token = find_token(tokens_, http::trim(field.value.substr(kBearer.size())));
    return token != nullptr ? known(token) : Finding{.wrong = "The token is none that is known"};
  }
  if (!user_header_.empty() && proxies_.trusts(request.remote_address)) {
    const std::string_view user = request.headers.get_or(user_header_, "");
    if (request.headers.count(user_header_) > 1 || user.size() > kLongestUser) {
      return {.wrong = "The proxy names several users, or one that is too long"};
    }
    if (!user.empty()) return {.caller = {.name = user, .role = proxy_role(request)}, .wrong = {}};
  }
  if (const std::string_view shown = cookie(request.headers, http::kSessionCookie);
      !shown.empty() && sessions_ && !Origins::is_foreign(request)) {
    const Token* token = sessions_->find(tokens_, shown);
    return token != nullptr ? known(token) : Finding{.wrong = "The session has ended"};
  }
  if (!request.client_certificate.empty() && certificate_role_ != http::Role::kNone) {
    return {.caller = {.name = request.client_certificate, .role = certificate_role_}, .wrong = {}};
  }
  return {};
}

// The highest of the roles among the words of the proxy's field, which may list groups as well.
http::Role Gate::proxy_role(const http::Request& request) const {
  if (role_header_.empty()) return user_role_;
  http::Role role = http::Role::kNone;
  for (const http::Role each : {http::Role::kRead, http::Role::kSubmit, http::Role::kOperate}) {
    if (request.headers.list_contains(role_header_, http::to_string(each))) role = each;
  }
  return role;
}

http::Response Gate::ask_to_log_in(const http::Request& request, std::string_view wrong) const {
  if (!options_.login_path.empty() && sessions_ && wants_page(request)) {
    http::Response response(303);
    const std::string wanted = fmt::format("{}{}", request.prefix, request.raw_path);
    response.headers.add("Location",
                         fmt::format("{}{}?next={}", request.prefix, options_.login_path,
                                     http::percent_encode(wanted)));
    response.headers.add("Cache-Control", "no-store");
    return response;
  }
  http::Response response = http::problem_response(
      {.status = 401,
       .detail = fmt::format("{}. Send 'Authorization: Bearer TOKEN'.",
                             wrong.empty() ? "This takes a token, and none was sent" : wrong),
       .code = std::string(to_string(ErrorCode::kUnauthenticated)),
       .request_id = std::string(request.request_id)});
  response.headers.add("WWW-Authenticate",
                       fmt::format(R"(Bearer realm="{}"{})", options_.realm,
                                   wrong.empty() ? "" : R"(, error="invalid_token")"));
  return response;
}

std::optional<std::string> Gate::open_session(std::string_view token) const {
  const Token* found = find_token(tokens_, token);
  if (found == nullptr || !sessions_) return std::nullopt;
  return sessions_->open(*found);
}

}  // namespace saola::server
