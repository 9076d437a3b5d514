#include "routing/pattern.hpp"

#include <algorithm>

#include <fmt/core.h>

#include <saola/http/headers.hpp>
#include <saola/web/errors.hpp>

namespace saola::web {
namespace {

[[noreturn]] void refuse(std::string_view pattern, std::string_view why,
                         std::string_view what_to_do) {
  throw SetupError(
      fmt::format("The pattern '{}' {}, so the route was not added. {}", pattern, why, what_to_do));
}

bool is_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && letter(text[0]) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

Segment parse_segment(std::string_view text, std::string_view pattern) {
  Segment segment;
  const auto open = text.find('<');
  if (open == std::string_view::npos) {
    if (text.contains('>')) refuse(pattern, "has a '>' without '<'", "Write <name> or <int:name>.");
    segment.prefix = text;
    return segment;
  }
  const auto close = text.find('>', open);
  if (close == std::string_view::npos) {
    refuse(pattern, "has a '<' without '>'", "Write <name> or <int:name>.");
  }
  segment.prefix = text.substr(0, open);
  segment.suffix = text.substr(close + 1);
  if (segment.suffix.contains('<') || segment.suffix.contains('>')) {
    refuse(pattern, "has two parameters between two slashes",
           "Put a slash between them, or take one string and split it in the view.");
  }
  const std::string_view inside = text.substr(open + 1, close - open - 1);
  const auto colon = inside.rfind(':');
  const bool plain = colon == std::string_view::npos;
  segment.converter = Converter::parse(plain ? "string" : inside.substr(0, colon), pattern);
  segment.name = plain ? inside : inside.substr(colon + 1);
  if (!is_name(segment.name)) {
    refuse(pattern, fmt::format("has a parameter named '{}'", segment.name),
           "Names are letters, digits and '_', not beginning with a digit.");
  }
  if (segment.is_path() && !(segment.prefix.empty() && segment.suffix.empty())) {
    refuse(pattern, "has text next to a path parameter", "Let <path:…> stand alone.");
  }
  return segment;
}

// The place of the '/' that ends the segment starting at `from`: one inside <…> does not.
std::size_t segment_end(std::string_view text, std::size_t from) {
  bool inside = false;
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '<') inside = true;
    if (text[i] == '>') inside = false;
    if (text[i] == '/' && !inside) return i;
  }
  return text.size();
}

}  // namespace

Pattern Pattern::parse(std::string_view text) {
  if (!text.starts_with('/')) refuse(text, "does not begin with '/'", "Begin it with '/'.");
  Pattern pattern{.text = std::string(text)};
  std::size_t paths = 0;
  std::size_t params = 0;
  for (std::size_t from = 1; from < text.size();) {
    const std::size_t end = segment_end(text, from);
    if (end == from) {
      refuse(text, "has an empty segment",
             "Requests with repeated slashes are redirected to single ones; write one '/'.");
    }
    Segment segment = parse_segment(text.substr(from, end - from), text);
    if (segment.converter) {
      ++params;
      paths += segment.is_path();
      for (const Segment& other : pattern.segments) {
        if (other.converter && other.name == segment.name) {
          refuse(text, fmt::format("has two parameters named '{}'", segment.name), "Rename one.");
        }
      }
    }
    pattern.segments.push_back(std::move(segment));
    pattern.ends_with_slash = end + 1 == text.size();
    from = end + 1;
  }
  if (pattern.segments.empty()) pattern.ends_with_slash = true;
  if (paths > 1)
    refuse(text, "has two path parameters", "Only one can be; use <string:…> for the other.");
  if (params > kMaxPathParams) {
    refuse(text, fmt::format("has more than {} parameters", kMaxPathParams), "Use the query.");
  }
  return pattern;
}

}  // namespace saola::web
