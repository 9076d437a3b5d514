#include <stdexcept>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/http/uri.hpp>
#include <saola/web/response.hpp>

namespace saola::web {
namespace {

// RFC 6265 §4.1.1: visible ASCII without quote, comma, semicolon, backslash.
bool is_cookie_value(std::string_view text) {
  for (char c : text) {
    if (c <= ' ' || c > '~' || c == '"' || c == ',' || c == ';' || c == '\\') return false;
  }
  return true;
}

// A value of an attribute: no control bytes, no semicolon.
bool is_attribute(std::string_view text) {
  return http::is_field_value(text) && !text.contains(';');
}

[[noreturn]] void refuse_cookie(const Cookie& cookie, std::string_view why) {
  throw std::invalid_argument(fmt::format("The cookie '{}' was not set: {}.",
                                          http::is_token(cookie.name) ? cookie.name : "?", why));
}

}  // namespace

Response text(std::string body, int status) {
  return Response(status, "text/plain; charset=utf-8", std::move(body));
}

Response html(std::string body, int status) {
  return Response(status, "text/html; charset=utf-8", std::move(body));
}

Response json(const boost::json::value& value, int status) {
  return Response(status, "application/json", boost::json::serialize(value));
}

Response no_content() {
  return Response(204);
}

Response redirect(std::string_view location, int status) {
  // RFC 3986: reserved, unreserved and '%' stay as they are.
  constexpr std::string_view kLegal = "-._~:/?#[]@!$&'()*+,;=%";
  std::string safe;
  for (std::size_t i = 0; i < location.size(); ++i) {
    const char c = location[i];
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alphanumeric || kLegal.contains(c)) {
      safe += c;
    } else {
      safe += http::percent_encode(location.substr(i, 1));
    }
  }
  Response response(status);
  response.headers.add("Location", safe);
  return response;
}

Response stream(std::string_view content_type,
                std::move_only_function<Result<void>(http::BodyWriter&)> produce) {
  Response response(200);
  response.headers.add("Content-Type", content_type);
  response.body = http::StreamBody{.produce = std::move(produce), .length = std::nullopt};
  return response;
}

void set_cookie(Response& response, const Cookie& cookie) {
  if (!http::is_token(cookie.name)) refuse_cookie(cookie, "its name is no token (RFC 6265)");
  if (!is_cookie_value(cookie.value)) {
    refuse_cookie(cookie, "its value holds bytes that cookies cannot; encode it");
  }
  if (!is_attribute(cookie.path) || !is_attribute(cookie.domain)) {
    refuse_cookie(cookie, "its path or domain holds ';' or a control byte");
  }
  const bool secure_only = cookie.name.starts_with("__Secure-") ||
                           cookie.name.starts_with("__Host-") ||
                           cookie.same_site == Cookie::SameSite::kNone;
  if (secure_only && !cookie.secure) {
    refuse_cookie(cookie,
                  "browsers drop SameSite=None, __Secure- and __Host- cookies without Secure");
  }
  if (cookie.name.starts_with("__Host-") && (cookie.path != "/" || !cookie.domain.empty())) {
    refuse_cookie(cookie, "a __Host- cookie has the path '/' and no domain");
  }
  std::string field = cookie.name + '=' + cookie.value;
  if (!cookie.domain.empty()) field += "; Domain=" + cookie.domain;
  if (!cookie.path.empty()) field += "; Path=" + cookie.path;
  if (cookie.max_age) {
    field += fmt::format("; Max-Age={}",
                         std::chrono::duration_cast<std::chrono::seconds>(*cookie.max_age).count());
  }
  if (cookie.secure) field += "; Secure";
  if (cookie.http_only) field += "; HttpOnly";
  switch (cookie.same_site) {
    case Cookie::SameSite::kLax:
      field += "; SameSite=Lax";
      break;
    case Cookie::SameSite::kStrict:
      field += "; SameSite=Strict";
      break;
    case Cookie::SameSite::kNone:
      field += "; SameSite=None";
      break;
  }
  response.headers.add("Set-Cookie", field);
}

}  // namespace saola::web
