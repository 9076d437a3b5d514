// App: an application as an http::Application. Set up by one thread (routes, hooks, blueprints), then
// frozen by its first request and called from many fibers or threads at once.
//
//   web::App app;
//   app.get("/hello/<name>", [](web::Request&, std::string_view name) {
//     return fmt::format("Hello, {}!", name);
//   });
//
// Every error becomes a problem document (RFC 9457): HttpError with its status, any other
// std::exception a 500 that is logged once, with the request id, and tells the client nothing of
// its cause. What is not a std::exception (a cancelled task's unwinding) passes through to the
// caller after the teardown hooks.
//
// Under a server each view runs as the activity "route PATTERN": stall reports name it, and a route
// that has hogged the loop runs on side carriers the next time (http::Request::placer).
#pragma once

#include <atomic>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/base/time.hpp>
#include <saola/http/application.hpp>
#include <saola/observe/metrics.hpp>
#include <saola/web/blueprint.hpp>
#include <saola/web/scaffold.hpp>

namespace saola::web {

// What holds for all routes.
struct AppOptions {
  RequestLimits limits;
  // For the latency histogram.
  const Clock* clock = &real_clock();
};

// An application: routes, hooks and error handlers on one side, http::Application on the other.
class App final : public Scaffold, public http::Application {
 public:
  explicit App(AppOptions options = {});
  ~App() override;

  // Adds the blueprint's routes, and those of the blueprints in it. Throws SetupError as route()
  // does, and for a name that is taken. Its hooks and error handlers hold for its routes alone.
  void register_blueprint(Blueprint blueprint);

  // Adds saola_web_requests_total{method, route, status} and saola_web_request_seconds{method,
  // route} to a table: a series for each route's pattern, so call it when all routes are there.
  // Then count_in() says where this process counts. Requests without a route have route="none".
  //
  //   app.declare_metrics(table);
  //   const observe::MetricBlock block(table, memory, slots);
  //   app.count_in({block, slot});
  void declare_metrics(observe::MetricTable& table) override;
  void count_in(const observe::MetricSlot& slot) override;

  // The path for an endpoint, for whoever sent `request`: "/jobs/7" for url_for(request, "show_job",
  // {{"id", "7"}}), or "/splits/jobs/7" where the application lies below /splits of a bigger site
  // (Request::prefix()). Values that are no parameter become the query. Throws std::invalid_argument
  // for an unknown endpoint, a missing value, or one that its converter would not accept.
  using UrlValues = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  std::string url_for(const Request& request, std::string_view endpoint,
                      UrlValues values = {}) const;

  // What the caller of `request` needs: its route's role, or its method's where there is no route.
  http::Role role_needed(const http::Request& request) const override;

  // All routes in the order they were added.
  std::span<const std::unique_ptr<const Route>> routes() const;

  // No changes from here on. The first request does it too.
  void freeze() { frozen_.store(true, std::memory_order_relaxed); }

  // Answers one request: hooks, view, error handlers, as scaffold.hpp says. SUSPENDS as the views
  // do.
  http::Response handle(http::Request& request) override;

 private:
  struct Impl;
  class Call;

  void add_route(Methods methods, std::string_view pattern, View view,
                 RouteOptions options) override;
  void check_open(std::string_view what) const override;

  // False while it is set up by one thread; relaxed, for starting the threads that call handle()
  // orders the set-up before them.
  std::atomic<bool> frozen_{false};
  std::unique_ptr<Impl> impl_;
};

}  // namespace saola::web
