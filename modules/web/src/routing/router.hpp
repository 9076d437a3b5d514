// Router: finds the route of a method and path in a tree of segments.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <saola/web/route.hpp>

#include "routing/pattern.hpp"

namespace saola::web {

class Router {
 public:
  enum class Outcome : std::uint8_t {
    kFound,     // `route`, `params`
    kRedirect,  // to `redirect`: slashes missing or repeated
    kNotFound,
    kMethodNotAllowed,  // `allowed` is what the path answers
    kBadPath,           // broken escape, not UTF-8, or a NUL
  };
  // Not movable: `params` may point into `decoded`.
  struct Match {
    Match() = default;
    Match(const Match&) = delete;
    Match& operator=(const Match&) = delete;

    Outcome outcome = Outcome::kNotFound;
    std::size_t route = 0;
    PathParams params;
    Methods allowed;
    std::string redirect;  // a path, still percent-encoded
    std::string decoded;
  };

  Router();
  ~Router();

  // Adds route number `route` for `methods`. Throws SetupError when another pattern takes exactly
  // the same paths and shares a method.
  void add(const Pattern& pattern, const Methods& methods, std::size_t route);

  // REQUIRES: raw_path begins with '/', stays alive as long as `match` is used; `match` is fresh.
  void match(http::Method method, std::string_view raw_path, Match& match) const;

  // All methods of all routes.
  const Methods& methods() const { return methods_; }

 private:
  struct Leaf;
  struct Node;
  struct Walk;

  std::unique_ptr<Node> root_;
  Methods methods_;
};

}  // namespace saola::web
