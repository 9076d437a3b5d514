#include <algorithm>

#include <fmt/core.h>

#include <saola/base/text.hpp>
#include <saola/http/uri.hpp>
#include <saola/web/app.hpp>

#include "app/app_impl.hpp"

namespace saola::web {
namespace {

// Percent-encodes all but the slashes.
std::string encode_path(std::string_view path) {
  std::string out;
  for (const char& c : path) {
    if (c == '/') {
      out += c;
    } else {
      out += http::percent_encode(std::string_view(&c, 1));
    }
  }
  return out;
}

}  // namespace

App::App(AppOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  impl_->app_scope = {scope_.get()};
}

App::~App() = default;

void App::check_open(std::string_view what) const {
  if (!frozen_.load(std::memory_order_relaxed)) return;
  throw SetupError(fmt::format(
      "{} was added after the first request. Some requests would see it and some would not, so it "
      "was refused. Finish the set-up before the App serves.",
      what));
}

void App::add_route(Methods methods, std::string_view pattern, View view, RouteOptions options) {
  check_open(fmt::format("The route '{}'", pattern));
  impl_->add(methods, pattern, std::move(view), std::move(options), impl_->app_scope, "");
}

void App::Impl::add(Methods methods, std::string_view text, View view, RouteOptions route_options,
                    std::vector<const Scope*> scopes, std::string_view prefix) {
  Pattern pattern = Pattern::parse(text);
  auto route = std::make_unique<Route>();
  route->pattern = text;
  route->endpoint =
      fmt::format("{}{}", prefix, route_options.endpoint.empty() ? text : route_options.endpoint);
  route->doc = std::move(route_options.doc);
  route->methods = methods;
  if (methods.contains(http::Method::kGet)) route->methods.add(http::Method::kHead);
  const ViewDoc& doc = view.doc();
  route->responses = route_options.responses.empty() ? doc.responses : route_options.responses;
  if (!route_options.body) route_options.body = doc.body;
  route->answer = route_options.answer ? std::move(route_options.answer) : doc.answer;
  route->parameters =
      route_options.parameters.empty() ? doc.parameters : std::move(route_options.parameters);
  route->role = route_options.role;
  route->index = routes.size();
  for (const Segment& segment : pattern.segments) {
    if (!segment.converter) continue;
    route->params.push_back(
        {segment.name, segment.converter->type(), segment.converter->spelling()});
  }
  if (methods.empty()) {
    throw SetupError(
        fmt::format("The route '{}' has no method, so no request could reach it. Name one.", text));
  }
  const auto& wanted = view.parameters();
  const bool fits =
      wanted.empty() || std::ranges::equal(wanted, route->params, {}, {}, &RouteParam::type);
  if (!fits) {
    throw SetupError(fmt::format(
        "The view of '{}' takes {} path parameters of types that are not those of the pattern's "
        "{}, "
        "so it could not be called. Let it take std::int64_t for int, double for float and "
        "std::string_view for the others, in the pattern's order.",
        text, wanted.size(), route->params.size()));
  }
  const auto known = endpoints.find(route->endpoint);
  if (known != endpoints.end() && routes[known->second]->pattern != text) {
    throw SetupError(
        fmt::format("The endpoint '{}' of '{}' is that of '{}' already; url_for() could not tell "
                    "them apart. Give one another name.",
                    route->endpoint, text, routes[known->second]->pattern));
  }
  router.add(pattern, methods, route->index);
  endpoints.emplace(route->endpoint, route->index);
  auto entry = std::make_unique<Entry>(Entry{.route = route.get(),
                                             .pattern = std::move(pattern),
                                             .view = std::move(view),
                                             .activity = fmt::format("route {}", text),
                                             .body = std::move(route_options.body),
                                             .scopes = std::move(scopes),
                                             .series = {}});
  if (entry->body) route->body = &*entry->body;
  entries.push_back(std::move(entry));
  routes.push_back(std::move(route));
}

void App::register_blueprint(Blueprint blueprint) {
  const auto add = [this](auto& self, Blueprint& part, const std::string& prefix,
                          const std::string& endpoint_prefix,
                          std::vector<const Scope*> scopes) -> void {
    const std::string name = endpoint_prefix + part.scope_->name;
    check_open(fmt::format("The blueprint '{}'", name));
    if (!impl_->blueprint_names.insert(name).second) {
      throw SetupError(
          fmt::format("The blueprint '{}' was added twice; url_for() could not tell its routes "
                      "apart. Give one another name.",
                      name));
    }
    scopes.push_back(part.scope_.get());
    impl_->blueprint_scopes.push_back(std::move(part.scope_));
    const std::string path = prefix + part.prefix_;
    for (Blueprint::Entry& entry : part.routes_) {
      impl_->add(entry.methods, path + entry.pattern, std::move(entry.view),
                 std::move(entry.options), scopes, name + '.');
    }
    for (Blueprint& child : part.children_) self(self, child, path, name + '.', scopes);
  };
  add(add, blueprint, "", "", impl_->app_scope);
}

std::span<const std::unique_ptr<const Route>> App::routes() const {
  return impl_->routes;
}

http::Role App::role_needed(const http::Request& request) const {
  Router::Match match;
  if (request.raw_path.starts_with('/')) {
    impl_->router.match(request.method, request.raw_path, match);
    if (match.outcome == Router::Outcome::kFound) {
      return impl_->routes[match.route]->role_for(request.method);
    }
  }
  return http::role_for(request.method);
}

std::string App::url_for(const Request& request, std::string_view endpoint,
                         UrlValues values) const {
  const auto known = impl_->endpoints.find(endpoint);
  if (known == impl_->endpoints.end()) {
    std::vector<std::string_view> names;
    for (const auto& [name, place] : impl_->endpoints) names.push_back(name);
    throw std::invalid_argument(
        fmt::format("No route has the endpoint '{}', so there is no URL for "
                    "it.{}",
                    endpoint, did_you_mean(endpoint, names)));
  }
  const Pattern& pattern = impl_->entries[known->second]->pattern;
  std::vector<bool> used(values.size(), false);
  std::string url(request.prefix());
  for (const Segment& segment : pattern.segments) {
    url += '/';
    url += http::percent_encode(segment.prefix);
    if (!segment.converter) continue;
    const auto* value = std::ranges::find(values, segment.name,
                                          &std::pair<std::string_view, std::string_view>::first);
    PathParam parsed;
    if (value == values.end() || !segment.converter->accepts(value->second, parsed)) {
      throw std::invalid_argument(fmt::format(
          "The URL of '{}' needs a value for '{}' that its converter '{}' accepts; {}.", endpoint,
          segment.name, segment.converter->spelling(),
          value == values.end() ? "none was given" : fmt::format("'{}' is none", value->second)));
    }
    used[static_cast<std::size_t>(value - values.begin())] = true;
    url += segment.is_path() ? encode_path(value->second) : http::percent_encode(value->second);
    url += http::percent_encode(segment.suffix);
  }
  if (pattern.ends_with_slash) url += '/';
  char separator = '?';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (used[i]) continue;
    const auto& [name, value] = values.begin()[i];
    url +=
        fmt::format("{}{}={}", separator, http::percent_encode(name), http::percent_encode(value));
    separator = '&';
  }
  return url;
}

}  // namespace saola::web
