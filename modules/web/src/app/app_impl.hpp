// What an App holds.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <saola/web/app.hpp>

#include "routing/pattern.hpp"
#include "routing/router.hpp"

namespace saola::web {

struct App::Impl {
  // Counters by status class (2xx … 5xx) and the latency of one method of one route.
  struct Series {
    http::Method method;
    std::array<observe::CounterId, 4> count_ids;
    observe::HistogramId latency_id;
    std::array<observe::Counter, 4> counts;
    observe::Histogram latency;

    void declare(observe::MetricTable& table, std::string_view route);
    void count_in(const observe::MetricSlot& slot);
    void record(int status, Duration took) const;
  };
  struct Entry {
    const Route* route;
    Pattern pattern;
    View view;
    std::string activity;  // "route /split": in stall reports, and what placement learns of
    std::optional<Schema> body;
    std::vector<const Scope*> scopes;  // from the App's inwards
    std::vector<Series> series;        // one for each method
  };

  AppOptions options;
  std::vector<std::unique_ptr<const Route>> routes;
  std::vector<std::unique_ptr<Entry>> entries;  // at the place of their routes
  Router router;
  std::map<std::string, std::size_t, std::less<>> endpoints;  // → place of a route
  std::set<std::string, std::less<>> blueprint_names;
  std::vector<std::unique_ptr<Scope>> blueprint_scopes;
  std::vector<const Scope*> app_scope;  // one: of requests without a route
  std::optional<Series> no_route;       // once metrics are declared

  // `scopes` are those the route is in; `prefix` is of its endpoint.
  void add(Methods methods, std::string_view pattern, View view, RouteOptions options,
           std::vector<const Scope*> scopes, std::string_view prefix);
};

}  // namespace saola::web
