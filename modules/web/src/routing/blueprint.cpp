#include <fmt/core.h>

#include <saola/web/blueprint.hpp>

#include "routing/pattern.hpp"

namespace saola::web {

Blueprint::Blueprint(std::string name, std::string prefix) : prefix_(std::move(prefix)) {
  if (name.empty() || name.contains('.')) {
    throw SetupError(fmt::format(
        "A blueprint was named '{}'; its routes could not be told apart by url_for(). Give it a "
        "name without '.'.",
        name));
  }
  if (!prefix_.empty() && (!prefix_.starts_with('/') || prefix_.ends_with('/'))) {
    throw SetupError(
        fmt::format("The blueprint '{}' has the prefix '{}'; its patterns would not be paths. "
                    "Begin it with '/' "
                    "and end it without.",
                    name, prefix_));
  }
  scope_->name = std::move(name);
}

void Blueprint::register_blueprint(Blueprint child) {
  children_.push_back(std::move(child));
}

void Blueprint::add_route(Methods methods, std::string_view pattern, View view,
                          RouteOptions options) {
  Pattern::parse(pattern);  // tell a bad one where it was written
  routes_.push_back(Entry{methods, std::string(pattern), std::move(view), std::move(options)});
}

}  // namespace saola::web
