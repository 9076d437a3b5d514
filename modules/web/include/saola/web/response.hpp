// Ways to make a response.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include <saola/base/time.hpp>
#include <saola/http/problem.hpp>
#include <saola/http/response.hpp>

namespace saola::web {

using http::Response;

Response text(std::string body, int status = 200);  // text/plain; charset=utf-8
Response html(std::string body, int status = 200);
Response json(const boost::json::value& value, int status = 200);
// 204.
Response no_content();
// `location` is a path or URL; what may not stand in one is percent-encoded.
Response redirect(std::string_view location, int status = 303);
inline Response problem(const http::Problem& what) {
  return http::problem_response(what);
}
// A body of unknown length, made while it is sent; see http::StreamBody.
Response stream(std::string_view content_type,
                std::move_only_function<Result<void>(http::BodyWriter&)> produce);

// One cookie for the client to keep.
struct Cookie {
  enum class SameSite { kLax, kStrict, kNone };

  std::string name;
  std::string value;
  std::string path = "/";
  std::string domain = {};                         // empty: this host only
  std::optional<Duration> max_age = std::nullopt;  // none: until the browser closes; 0: delete it
  bool secure = true;
  bool http_only = true;
  SameSite same_site = SameSite::kLax;
};

// Adds the Set-Cookie field. Throws std::invalid_argument for a name or value that cookies cannot
// hold (RFC 6265 §4.1.1; encode it), for SameSite=None without `secure`, and when a __Host- or
// __Secure- prefix is not kept.
void set_cookie(Response& response, const Cookie& cookie);

}  // namespace saola::web
