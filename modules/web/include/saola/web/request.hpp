// A request as a view sees it: an http::Request with its path parameters, query, cookies and body
// taken apart when asked for. What a client got wrong throws HttpError (4xx), so a view can simply
// use the values.
//
//   Response list(Request& request) {
//     const std::int64_t limit = request.int_arg("limit", 50, 1, 1000);      // 400 for "many"
//     const auto wanted = request.preferred({"application/json", "text/html"});
//     if (!wanted) throw HttpError(406);
//     return answer(limit, *wanted, request.arg("state"));
//   }
#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/http/request.hpp>
#include <saola/http/response.hpp>
#include <saola/web/described.hpp>
#include <saola/web/errors.hpp>
#include <saola/web/route.hpp>

namespace saola::web {

class App;
// How much of a request is read for a view that asks for it.
struct RequestLimits {
  std::size_t body_bytes =
      1024 * 1024;              // of text() and json(); a view may read more from raw().body
  std::size_t json_depth = 32;  // arrays and objects inside each other
};

// One request. Lives until the App has answered; a stream body must copy what it needs. Used by one
// task at a time. Its views are valid as long as it is.
class Request {
 public:
  // REQUIRES: `raw` outlives it.
  Request(http::Request& raw, const RequestLimits& limits);
  ~Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  http::Request& raw() const { return raw_; }
  http::Method method() const { return raw_.method; }
  // Decoded; not for routing.
  std::string_view path() const { return raw_.path; }
  const http::HeaderView& headers() const { return raw_.headers; }
  // The client's X-Request-Id when it is a short plain word, else the server's, else a new one. On
  // the response and in the log.
  std::string_view id() const { return id_; }
  // Goes before each absolute path that is sent to the client: "/splits", or empty.
  std::string_view prefix() const { return raw_.prefix; }
  // Requested when the worker leaves; see http::Request. A view that waits for something else ends
  // on it:
  //
  //   runtime::Event changed;
  //   const std::stop_callback wake(request.leaving(), [&] { changed.set(); });
  std::stop_token leaving() const { return raw_.leaving; }
  // Who sent it, as far as the server knows.
  const http::Caller& caller() const { return raw_.caller; }
  // Null in the error handler of a path that has no route.
  const Route* route() const { return route_; }

  // A path parameter by its name in the pattern, decoded; int_param() of an int converter,
  // float_param() of a float. REQUIRES: the pattern has it, with that type; asking for another ends
  // the process.
  std::string_view param(std::string_view name) const { return find_param(name).text; }
  std::int64_t int_param(std::string_view name) const { return find_param(name).integer; }
  double float_param(std::string_view name) const { return find_param(name).number; }
  const PathParams& params() const { return *params_; }

  // The first query argument so named, decoded ("+" is a space). 400 when the query's escapes or
  // UTF-8 are broken, whichever argument is asked for.
  std::optional<std::string_view> arg(std::string_view name) const;
  std::string_view arg_or(std::string_view name, std::string_view fallback) const;
  // An integer argument in [min, max]; `fallback` when it is absent, 400 when it is anything else.
  std::int64_t int_arg(std::string_view name, std::int64_t fallback,
                       std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                       std::int64_t max = std::numeric_limits<std::int64_t>::max()) const;
  // All, decoded, in order, names repeated as sent. 400 as arg().
  const std::vector<std::pair<std::string, std::string>>& args() const;
  // Throws HttpError 400 for an argument that the route does not declare (RouteOptions::parameters),
  // so that a misspelt one is not silently left out. REQUIRES: route().
  void refuse_unknown_args() const;

  // The value of the first cookie so named, quotes taken off; not decoded further.
  std::optional<std::string_view> cookie(std::string_view name) const;

  // The body as bytes, read when first asked for. 413 over RequestLimits::body_bytes, 415 when it has
  // a Content-Encoding (gzip …), 408 when it does not come in time. SUSPENDS.
  const std::string& text() const;
  // The body as JSON. 415 unless the content type is application/json or …+json, 400 with line and
  // column for what is not JSON (RFC 8259), a repeated key, too deep nesting or an empty body.
  // SUSPENDS.
  //
  //   const boost::json::value& body = request.json(kSplit);         // a Schema: then also 422
  //   const std::string source(body.at("source").as_string());
  const boost::json::value& json() const;
  // json(), then 422 with every problem at once when it does not have the schema's shape.
  const boost::json::value& json(const Schema& schema) const;
  // The JSON body as a T, a described struct (see described.hpp): as json(), then 422 with every
  // problem at once. SUSPENDS.
  //
  //   const auto args = request.body<SplitArgs>();
  template <typename T>
  T body() const {
    T object{};
    read_body(shape_of<T>(), &object);
    return object;
  }

  // The offered media type the client likes best ("application/json"), by its Accept field; the
  // first one when it has no preference, nullopt when it accepts none.
  std::optional<std::string_view> preferred(std::initializer_list<std::string_view> offered) const;

  // Runs before the after_request hooks, on this request's response only, in the order of the
  // calls: to set a cookie from deep inside, say.
  void after_this_request(std::function<void(http::Response&)> hook) {
    after_.push_back(std::move(hook));
  }
  // One value of each type, default-made when first asked for and kept for the length of the
  // request: how a hook hands the user it found to the view.
  //
  //   request.local<User>() = *user;                 // in a before_request hook
  //   greet(request.local<User>().name);             // in the view
  template <typename T>
  T& local() {
    std::any& slot = locals_[typeid(T)];
    if (!slot.has_value()) slot.emplace<T>();
    return *std::any_cast<T>(&slot);
  }

 private:
  friend class App;
  void read_body(const Shape& shape, void* object) const;
  const PathParam& find_param(std::string_view name) const;

  http::Request& raw_;
  const RequestLimits& limits_;
  std::string own_id_;  // when neither client nor server gave one
  std::string_view id_;
  const Route* route_ = nullptr;
  const PathParams* params_;  // the App's, for the length of the call; never null
  // Filled when first asked for.
  mutable std::optional<std::vector<std::pair<std::string, std::string>>> args_;
  mutable std::optional<std::string> body_;
  mutable std::unique_ptr<boost::json::value> json_;
  std::vector<std::function<void(http::Response&)>> after_;
  std::map<std::type_index, std::any> locals_;
};

}  // namespace saola::web
