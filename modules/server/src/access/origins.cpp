#include "access/origins.hpp"

#include <algorithm>

#include <saola/http/uri.hpp>

#include "access/hosts.hpp"

namespace saola::server {
namespace {

constexpr std::string_view kSchemeEnd = "://";

// "example.org:8080" of "http://example.org:8080"; empty for "null" and what else is none.
std::string_view host_of(std::string_view origin) {
  const std::size_t end = origin.find(kSchemeEnd);
  return end == std::string_view::npos ? std::string_view()
                                       : origin.substr(end + kSchemeEnd.size());
}

}  // namespace

Result<void> check_origin(std::string_view text) {
  if (text == "*") return {};
  const bool web = text.starts_with("http://") || text.starts_with("https://");
  if (web && http::is_host_and_port(host_of(text))) return {};
  return fail(ErrorCode::kInvalidArgument,
              "write a page's scheme and host, as https://app.example.org; or *");
}

bool Origins::is_foreign(const http::Request& request) {
  // The browser's own word, which no page can change. It counts first, because proxies change Host.
  const std::string_view site = request.headers.get_or("Sec-Fetch-Site", "");
  if (site == "same-origin" || site == "none") return false;
  if (!site.empty()) return true;
  const auto origin = request.headers.get("Origin");
  return origin && comparable_host(host_of(*origin)) != comparable_host(request.host);
}

bool Origins::is_allowed(const http::Request& request) const {
  const std::string_view origin = request.headers.get_or("Origin", "");
  return !origin.empty() && std::ranges::any_of(allowed_, [&](const std::string& allowed) {
    return allowed == "*" || http::iequals(allowed, origin);
  });
}

std::optional<http::Response> Origins::preflight(const http::Request& request) const {
  if (request.method != http::Method::kOptions ||
      !request.headers.contains("Access-Control-Request-Method") || !is_allowed(request)) {
    return std::nullopt;
  }
  http::Response response(204);
  response.headers.add("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
  if (const std::string fields = request.headers.joined("Access-Control-Request-Headers");
      !fields.empty()) {
    response.headers.add("Access-Control-Allow-Headers", fields);
  }
  response.headers.add("Access-Control-Max-Age", "600");
  return response;
}

void Origins::show(const http::Request& request, http::Response& response) const {
  if (allowed_.empty()) return;
  response.headers.add("Vary", "Origin");
  if (!is_allowed(request)) return;
  response.headers.set("Access-Control-Allow-Origin", request.headers.get_or("Origin", ""));
  response.headers.set("Access-Control-Expose-Headers",
                       "ETag, Location, Retry-After, WWW-Authenticate, X-Request-Id");
}

}  // namespace saola::server
