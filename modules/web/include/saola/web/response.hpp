// Ways to make a response.
//
//   return text("hello\n");
//   return json({{"id", 7}}, 201);
//   return redirect(app.url_for(request, "show_job", {{"id", "7"}}));
//   return stream("text/csv", [rows](http::BodyWriter& out) { return write_rows(*rows, out); });
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

// Each makes a whole response: body, status, and the Content-Type that belongs to it. Texts must be
// UTF-8.
Response text(std::string body, int status = 200);  // text/plain; charset=utf-8
// text/html; charset=utf-8. The text is sent as it is: escape what comes from outside.
Response html(std::string body, int status = 200);
// application/json.
Response json(const boost::json::value& value, int status = 200);
// 204.
Response no_content();
// 303 (or another status) to `location`, a path or URL; what may not stand in one is
// percent-encoded, so a line break cannot end the field. A location from outside may still lead
// anywhere.
Response redirect(std::string_view location, int status = 303);
// The problem document of RFC 9457 for what went wrong: problem({.status = 404, .detail = "…"}).
inline Response problem(const http::Problem& what) {
  return http::problem_response(what);
}
// A 200 with a body of unknown length, made while it is sent; see http::StreamBody. `produce` is
// called after the view has returned and must own what it uses: the Request is gone then.
Response stream(std::string_view content_type,
                std::move_only_function<Result<void>(http::BodyWriter&)> produce);

// One cookie for the client to keep. The defaults are the careful ones.
//
//   set_cookie(response, {.name = "session", .value = "", .max_age = 0s});      // deletes it
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
//
//   set_cookie(response, {.name = "__Host-session", .value = id, .max_age = 8h});
void set_cookie(Response& response, const Cookie& cookie);

}  // namespace saola::web
