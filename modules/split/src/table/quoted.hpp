#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <saola/base/text.hpp>

namespace saola::split {

// `text` in single quotes for a message, cut (between UTF-8 characters) when it is long.
inline std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 80;
  const auto shown = utf8_prefix(text, kShown);
  std::string out = "'";
  out += shown;
  out += shown.size() < text.size() ? "…'" : "'";
  return out;
}

}  // namespace saola::split
