// What App and Blueprint have in common: routes, hooks and error handlers.
//
//   app.get("/jobs/<uuid:id>", show_job, {.endpoint = "show_job", .doc = "One job"});
//   app.before_request([](Request& request) -> std::optional<Response> {
//     if (request.headers().contains("Authorization")) return std::nullopt;     // go on
//     return problem({.status = 401});
//   });
//   app.error_handler<NotThere>([](Request&, const NotThere& e) { return text(e.what(), 404); });
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <saola/web/errors.hpp>
#include <saola/web/request.hpp>
#include <saola/web/response.hpp>
#include <saola/web/route.hpp>
#include <saola/web/schema.hpp>
#include <saola/web/view.hpp>

namespace saola::web {

// What a route has besides its pattern and view. All may be left out.
struct RouteOptions {
  // The name for url_for(); empty: the pattern. One name belongs to one pattern.
  std::string endpoint = {};
  // For openapi.json: the first line is the summary, the rest the description.
  std::string doc = {};
  // The shape of the JSON body, for openapi.json and Request::json().
  std::optional<Schema> body = std::nullopt;
  // The query arguments and header fields it reads, for openapi.json.
  std::vector<Parameter> parameters = {};
  // What the JSON of a 2xx answer looks like, for openapi.json; absent: what the view's type says.
  std::optional<Schema> answer = std::nullopt;
  // Status and description of the answers, for openapi.json; empty: 200.
  std::vector<std::pair<int, std::string>> responses = {};
  // What callers need where the server asks who they are; absent: kRead for GET, kSubmit for
  // methods that change something. kNone: everybody may.
  std::optional<http::Role> role = std::nullopt;
};

// May answer instead of the view; nullopt: go on.
using BeforeHook = std::function<std::optional<Response>(Request&)>;
// May change the response.
using AfterHook = std::function<void(Request&, Response&)>;
// Gets the exception that nobody handled, or null.
using TeardownHook = std::function<void(Request&, std::exception_ptr)>;
// Makes the answer to an error.
using StatusHandler = std::function<Response(Request&, const HttpError&)>;

// The hooks and error handlers of an App or a Blueprint, as they were added. A request passes the
// scopes of its route from the App's inwards; errors, after and teardown hooks the other way.
struct Scope {
  // The handler of one class of exceptions. C++ cannot ask whether one class of exceptions is
  // derived from another when it knows neither, so each handler brings a throw to try it with.
  struct ClassHandler {
    // The answer, or nullopt when `error` is of another class.
    std::function<std::optional<Response>(Request&, const std::exception&)> handle;
    // Throws a null pointer to the class; is_caught tells whether such a throw is of the class or
    // one derived from it. Together they order handlers from the most specific class on.
    void (*throw_pointer)();
    bool (*is_caught)(void (*)());
  };

  std::string name;  // empty for the App
  std::vector<BeforeHook> before;
  std::vector<AfterHook> after;
  std::vector<TeardownHook> teardown;
  std::vector<std::pair<int, StatusHandler>> by_status;
  std::vector<ClassHandler> by_class;
};

// The set-up calls of App and Blueprint. One thread, before the first request; after it they throw
// SetupError.
class Scaffold {
 public:
  virtual ~Scaffold() = default;

  // Adds a route. Throws SetupError for a bad pattern, a view that takes other parameters, a route
  // that another one already answers, and after the first request.
  //
  //   app.route({http::Method::kPut, http::Method::kPatch}, "/users/<int:id>", change_user);
  void route(Methods methods, std::string_view pattern, View view, RouteOptions options = {}) {
    add_route(methods, pattern, std::move(view), std::move(options));
  }
  // GET also answers HEAD; OPTIONS is answered for every path.
  void get(std::string_view pattern, View view, RouteOptions options = {}) {
    route({http::Method::kGet}, pattern, std::move(view), std::move(options));
  }
  void post(std::string_view pattern, View view, RouteOptions options = {}) {
    route({http::Method::kPost}, pattern, std::move(view), std::move(options));
  }
  void put(std::string_view pattern, View view, RouteOptions options = {}) {
    route({http::Method::kPut}, pattern, std::move(view), std::move(options));
  }
  void patch(std::string_view pattern, View view, RouteOptions options = {}) {
    route({http::Method::kPatch}, pattern, std::move(view), std::move(options));
  }
  void del(std::string_view pattern, View view, RouteOptions options = {}) {
    route({http::Method::kDelete}, pattern, std::move(view), std::move(options));
  }

  // Before the view: the App's hooks first, then the blueprints' from the outside in. A hook that
  // returns a response ends the sequence and stands for the view.
  void before_request(BeforeHook hook);
  // After the view, on errors' answers too: innermost blueprint first, the last added first. An
  // exception becomes a 500, and the hooks left are not called.
  //
  //   app.after_request([](Request&, Response& response) {
  //     response.headers.set_default("X-Content-Type-Options", "nosniff");
  //   });
  void after_request(AfterHook hook);
  // When the response is made, always, in the order of after_request; gets the exception that
  // nobody handled, or null. What it throws is logged. A stream's body is made later. For what must
  // be given back whatever happens: a connection, a lock, a measurement.
  void teardown_request(TeardownHook hook);

  // The answer to a status: problems of routing (the App's handlers only) and HttpErrors; 500 also
  // gets exceptions nobody else handles, see HttpError::original(). The innermost blueprint's
  // handler wins; status before class.
  //
  //   app.error_handler(404, [](Request& request, const HttpError& error) {
  //     return html(not_found_page(request.path()), error.status());
  //   });
  void error_handler(int status, StatusHandler handler);
  // The answer to exceptions of class E and those derived from it; the most specific class wins.
  template <typename E, typename F>
    requires std::is_base_of_v<std::exception, E>
  void error_handler(F handler) {
    add_class_handler(Scope::ClassHandler{
        .handle = [f = std::move(handler)](Request& request,
                                           const std::exception& error) -> std::optional<Response> {
          const auto* mine = dynamic_cast<const E*>(&error);
          if (mine == nullptr) return std::nullopt;
          return f(request, *mine);
        },
        .throw_pointer = [] { throw static_cast<const E*>(nullptr); },
        .is_caught =
            [](void (*throw_pointer)()) {
              try {
                throw_pointer();
              } catch (const E*) {
                return true;
              } catch (...) {
              }
              return false;
            },
    });
  }

 protected:
  Scaffold() : scope_(std::make_unique<Scope>()) {}
  Scaffold(Scaffold&&) = default;

  virtual void add_route(Methods methods, std::string_view pattern, View view,
                         RouteOptions options) = 0;
  // Throws SetupError when nothing may be added any more.
  virtual void check_open(std::string_view what) const = 0;
  void add_class_handler(Scope::ClassHandler handler);

  // Owned apart, for routes keep its address when a Blueprint is moved into an App.
  std::unique_ptr<Scope> scope_;
};

}  // namespace saola::web
