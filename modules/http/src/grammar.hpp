// Character classes of RFC 9110 and RFC 3986 as one table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace saola::http {

inline constexpr std::uint8_t kTokenChar = 1;  // tchar, RFC 9110 §5.6.2
inline constexpr std::uint8_t kValueChar = 2;  // field-vchar, SP, HTAB, RFC 9110 §5.5
// What a path may hold: everything visible, other bytes than ASCII included, but "#" and "?", which
// end it, and "\", which some read as "/".
inline constexpr std::uint8_t kTargetChar = 4;
inline constexpr std::uint8_t kHostChar = 8;  // unreserved, sub-delims: reg-name but for "%"
inline constexpr std::uint8_t kDigit = 16;
inline constexpr std::uint8_t kUnreserved = 32;  // RFC 3986 §2.3
inline constexpr std::uint8_t kQueryChar = 64;   // kTargetChar, "?" and "\"

inline constexpr auto kCharClass = [] {
  std::array<std::uint8_t, 256> table{};
  auto mark = [&table](std::string_view characters, int bits) {
    for (char c : characters)
      table[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(bits);
  };
  mark("0123456789", kDigit);
  mark("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
       kTokenChar | kHostChar | kUnreserved);
  mark("!#$%&'*+-.^_`|~", kTokenChar);
  mark("-._~!$&'()*+,;=", kHostChar);
  mark("-._~", kUnreserved);
  mark("\\?", kQueryChar);
  for (int c = 0; c < 256; ++c) {
    auto& bits = table[static_cast<std::size_t>(c)];
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) bits |= kValueChar;
    const bool visible = c > 0x20 && c != 0x7f;
    if (visible && c != '#' && c != '?' && c != '\\') bits |= kTargetChar | kQueryChar;
  }
  return table;
}();

constexpr bool is(char c, std::uint8_t char_class) {
  return (kCharClass[static_cast<unsigned char>(c)] & char_class) != 0;
}

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// 0–15, or -1 when `c` is no hexadecimal digit.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = to_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace saola::http
