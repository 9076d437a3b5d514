#include "routing/router.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/core.h>

#include <saola/base/text.hpp>
#include <saola/http/uri.hpp>
#include <saola/web/errors.hpp>

namespace saola::web {
namespace {

constexpr std::size_t kMethodCount = static_cast<std::size_t>(http::Method::kOther);
constexpr int kNoRoute = -1;

// Those a path shorter than this has need no allocation.
constexpr std::size_t kInlineSegments = 16;

// Segments of a path, decoded. They lie in one text, one '/' between two.
struct Segments {
  std::array<std::string_view, kInlineSegments> few;
  std::vector<std::string_view> many;
  std::size_t size = 0;
  bool ends_with_slash = false;
  bool has_empty = false;

  void add(std::string_view segment) {
    if (size < kInlineSegments) {
      few[size] = segment;
    } else {
      if (size == kInlineSegments) many.assign(few.begin(), few.end());
      many.push_back(segment);
    }
    ++size;
    has_empty = has_empty || segment.empty();
  }
  std::span<const std::string_view> all() const {
    return {size <= kInlineSegments ? few.data() : many.data(), size};
  }
};

// Splits `path` ("/a/b/"); repeated slashes give empty segments.
void split(std::string_view path, Segments& out) {
  path.remove_prefix(1);
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (slash == std::string_view::npos) {
      out.add(path);
      return;
    }
    out.add(path.substr(0, slash));
    path.remove_prefix(slash + 1);
  }
  out.ends_with_slash = true;
}

// Decodes each segment of `raw` into `decoded`, which keeps them joined by '/'. False for a broken
// escape.
bool decode(std::string_view raw, std::string& decoded, Segments& out) {
  Segments encoded;
  split(raw, encoded);
  decoded.reserve(raw.size() + 1);  // never grows: the views stay valid
  for (std::string_view segment : encoded.all()) {
    const auto plain = http::percent_decode(segment);
    if (!plain) return false;
    const std::size_t at = decoded.size();
    decoded += *plain;
    out.add(std::string_view(decoded).substr(at));
    decoded += '/';
  }
  out.ends_with_slash = encoded.ends_with_slash;
  // An encoded empty segment is none; what decodes to something never was.
  out.has_empty = encoded.has_empty;
  return is_utf8(decoded) && !decoded.contains('\0');
}

// `raw` with repeated slashes made single and every byte that may not stand in a path encoded, so
// that it is safe in a Location field (a '\' would be a '/' to browsers).
std::string clean_path(std::string_view raw) {
  constexpr std::string_view kLegal = "-._~!$&'()*+,;=:@/%";
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == '/' && out.ends_with('/')) continue;
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alphanumeric || kLegal.contains(c)) {
      out += c;
    } else {
      out += http::percent_encode(raw.substr(i, 1));
    }
  }
  return out;
}

}  // namespace

std::string Methods::to_string() const {
  std::string out;
  for (std::size_t i = 0; i < kMethodCount; ++i) {
    const auto method = static_cast<http::Method>(i);
    if (!contains(method)) continue;
    if (!out.empty()) out += ", ";
    out += http::to_string(method);
  }
  return out;
}

// The routes that end at a node: one for each method.
struct Router::Leaf {
  std::array<int, kMethodCount> routes;
  Methods methods;

  Leaf() { routes.fill(kNoRoute); }
};

struct Router::Node {
  struct Dynamic {
    Segment segment;
    std::unique_ptr<Node> node;

    // Children are tried in this order: more text around first, then the converter's kind.
    auto rank() const {
      return std::pair(-static_cast<std::ptrdiff_t>(segment.prefix.size() + segment.suffix.size()),
                       segment.converter->kind());
    }
    bool same_texts(const Segment& other) const {
      return segment.prefix == other.prefix && segment.suffix == other.suffix &&
             segment.converter->spelling() == other.converter->spelling();
    }
  };

  std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;  // sorted by text
  std::vector<Dynamic> dynamics;                                        // sorted by rank
  Leaf plain;  // patterns that end here without a slash
  Leaf slash;  // and with one

  Node& child(const Segment& segment) {
    if (!segment.converter) {
      const auto at = std::ranges::lower_bound(
          literals, segment.prefix, {},
          [](const auto& entry) -> const std::string& { return entry.first; });
      if (at != literals.end() && at->first == segment.prefix) return *at->second;
      return *literals.emplace(at, segment.prefix, std::make_unique<Node>())->second;
    }
    for (Dynamic& dynamic : dynamics) {
      if (dynamic.same_texts(segment)) return *dynamic.node;
    }
    Dynamic added{segment, std::make_unique<Node>()};
    const auto at = std::ranges::find_if(
        dynamics, [&](const Dynamic& other) { return added.rank() < other.rank(); });
    return *dynamics.insert(at, std::move(added))->node;
  }

  const Node* literal(std::string_view text) const {
    const auto at =
        std::lower_bound(literals.begin(), literals.end(), text,
                         [](const auto& entry, std::string_view t) { return entry.first < t; });
    return at != literals.end() && at->first == text ? at->second.get() : nullptr;
  }
};

// One search, depth first in the order of specificity. A pattern holds at most one path parameter
// and every other step goes one segment deeper, so a node is visited at most once for each number
// of segments that a path parameter took: nodes × segments steps at worst.
struct Router::Walk {
  http::Method method;
  const Segments& path;
  std::span<const std::string_view> segments;
  Match& match;
  bool needs_slash = false;

  int route_of(const Leaf& leaf) const {
    if (method == http::Method::kOther) return kNoRoute;
    return leaf.routes[static_cast<std::size_t>(method)];
  }

  bool end(const Node& node) {
    const Leaf& leaf = path.ends_with_slash ? node.slash : node.plain;
    match.allowed.add(leaf.methods);
    if (const int route = route_of(leaf); route != kNoRoute) {
      match.route = static_cast<std::size_t>(route);
      match.outcome = Outcome::kFound;
      return true;
    }
    if (path.ends_with_slash) return false;
    match.allowed.add(node.slash.methods);
    needs_slash = route_of(node.slash) != kNoRoute;
    if (needs_slash) match.outcome = Outcome::kRedirect;
    return needs_slash;
  }

  bool go(const Node& node, std::size_t at) {
    if (at == segments.size()) return end(node);
    if (const Node* next = node.literal(segments[at]); next != nullptr && go(*next, at + 1)) {
      return true;
    }
    for (const Node::Dynamic& dynamic : node.dynamics) {
      if (dynamic.segment.is_path() ? go_path(dynamic, at) : go_segment(dynamic, at)) return true;
    }
    return false;
  }

  bool go_segment(const Node::Dynamic& dynamic, std::size_t at) {
    const Segment& segment = dynamic.segment;
    std::string_view text = segments[at];
    if (text.size() <= segment.prefix.size() + segment.suffix.size() ||
        !text.starts_with(segment.prefix) || !text.ends_with(segment.suffix)) {
      return false;
    }
    text.remove_prefix(segment.prefix.size());
    text.remove_suffix(segment.suffix.size());
    if (!segment.converter->accepts(text, match.params.values[match.params.size])) return false;
    return with_param([&] { return go(*dynamic.node, at + 1); });
  }

  // The parameter takes 1, 2, … segments; as the pattern's last it takes the final slash too.
  bool go_path(const Node::Dynamic& dynamic, std::size_t at) {
    const char* begin = segments[at].data();
    for (std::size_t next = at + 1; next <= segments.size(); ++next) {
      const char* end_of_it = segments[next - 1].data() + segments[next - 1].size();
      match.params.values[match.params.size].text = {begin, end_of_it};
      if (with_param([&] { return go(*dynamic.node, next); })) return true;
    }
    if (!path.ends_with_slash) return false;
    const Leaf& leaf = dynamic.node->plain;
    match.allowed.add(leaf.methods);
    const int route = route_of(leaf);
    if (route == kNoRoute) return false;
    match.params.values[match.params.size++].text = {
        begin, segments.back().data() + segments.back().size() + 1};
    match.route = static_cast<std::size_t>(route);
    match.outcome = Outcome::kFound;
    return true;
  }

  template <typename Rest>
  bool with_param(Rest rest) {
    ++match.params.size;
    if (rest()) return true;
    --match.params.size;
    return false;
  }
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

void Router::add(const Pattern& pattern, const Methods& methods, std::size_t route) {
  Node* node = root_.get();
  for (const Segment& segment : pattern.segments) node = &node->child(segment);
  Leaf& leaf = pattern.ends_with_slash ? node->slash : node->plain;
  const auto route_of = [&leaf](http::Method method) -> int& {
    return leaf.routes[static_cast<std::size_t>(method)];
  };
  // A HEAD that only came with a GET gives way to a view of its own.
  const bool head_is_free = route_of(http::Method::kHead) == kNoRoute ||
                            route_of(http::Method::kHead) == route_of(http::Method::kGet);
  const auto each = [&methods](auto visit) {
    for (std::size_t i = 0; i < kMethodCount; ++i) {
      if (const auto method = static_cast<http::Method>(i); methods.contains(method)) visit(method);
    }
  };
  each([&](http::Method method) {
    const bool taken =
        method == http::Method::kHead ? !head_is_free : leaf.methods.contains(method);
    if (taken) {
      throw SetupError(fmt::format(
          "The route {} '{}' takes the same requests as one added before, so it would never be "
          "reached and was not added. Remove one, or change its pattern or method.",
          http::to_string(method), pattern.text));
    }
  });
  const auto put = [&](http::Method method) {
    route_of(method) = static_cast<int>(route);
    leaf.methods.add(method);
    methods_.add(method);
  };
  each(put);
  if (methods.contains(http::Method::kGet) && route_of(http::Method::kHead) == kNoRoute) {
    put(http::Method::kHead);
  }
}

void Router::match(http::Method method, std::string_view raw_path, Match& match) const {
  Segments path;
  const bool plain = std::ranges::all_of(raw_path, [](char c) {
    return c != '%' && c != '\0' && static_cast<unsigned char>(c) < 0x80;
  });
  if (plain) {
    split(raw_path, path);
  } else if (!decode(raw_path, match.decoded, path)) {
    match.outcome = Outcome::kBadPath;
    return;
  }
  if (path.has_empty) {
    const std::string merged = clean_path(raw_path);
    Match target;
    this->match(method, merged, target);
    match.allowed = target.allowed;
    match.outcome = target.outcome;
    if (target.outcome == Outcome::kFound) match.outcome = Outcome::kRedirect;
    match.redirect = target.redirect.empty() ? merged : target.redirect;
    return;
  }
  Walk walk{.method = method, .path = path, .segments = path.all(), .match = match};
  if (walk.go(*root_, 0)) {
    if (walk.needs_slash) match.redirect = clean_path(raw_path) + '/';
    return;
  }
  match.outcome = match.allowed.empty() ? Outcome::kNotFound : Outcome::kMethodNotAllowed;
}

}  // namespace saola::web
