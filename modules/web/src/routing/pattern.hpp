// A route's pattern taken apart; route.hpp tells the language.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/converter.hpp"

namespace saola::web {

// Between two slashes: literal text, or a parameter with text around it.
struct Segment {
  std::string prefix;  // the whole text of a literal
  std::optional<Converter> converter;
  std::string name;
  std::string suffix;

  bool is_path() const { return converter && converter->kind() == Converter::Kind::kPath; }
};

struct Pattern {
  // Throws SetupError.
  static Pattern parse(std::string_view text);

  std::string text;
  std::vector<Segment> segments;
  bool ends_with_slash = false;  // also for "/", which has no segments
};

}  // namespace saola::web
