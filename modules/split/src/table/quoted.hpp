#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace saola::split {

// `text` in single quotes for a message, cut (between UTF-8 characters) when it is long.
inline std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 80;
  std::size_t length = text.size();
  if (length > kShown) {
    length = kShown;
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  }
  std::string out = "'";
  out += text.substr(0, length);
  out += length < text.size() ? "…'" : "'";
  return out;
}

}  // namespace saola::split
