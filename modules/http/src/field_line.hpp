// One field line (RFC 9112 §5), the same for heads and trailers.
#pragma once

#include <cstddef>
#include <string_view>

#include <saola/http/headers.hpp>

#include "grammar.hpp"

namespace saola::http {

// Splits `line` (without CRLF, not empty) into `field`. Returns what is wrong, or empty.
inline std::string_view parse_field_line(std::string_view line, Field& field) {
  std::size_t colon = 0;
  while (colon < line.size() && is(line[colon], kTokenChar)) ++colon;
  if (colon == 0 && (line[0] == ' ' || line[0] == '\t')) {
    return "a field line begins with white space (obsolete line folding); put the value on one "
           "line";
  }
  if (colon == 0 || colon == line.size() || line[colon] != ':') {
    return "a field name is not a token followed by ':'; remove spaces and control bytes from it";
  }
  field.name = line.substr(0, colon);
  field.value = trim(line.substr(colon + 1));
  // Without a branch a byte, so that the compiler does many at a time.
  unsigned illegal = 0;
  for (char c : field.value) {
    const auto byte = static_cast<unsigned char>(c);
    illegal |= static_cast<unsigned>(byte < 0x20) & static_cast<unsigned>(byte != '\t');
    illegal |= static_cast<unsigned>(byte == 0x7f);
  }
  if (illegal != 0) return "a field value holds a control byte; remove or encode it";
  return {};
}

// Bytes of a field line without CRLF that stay within `field_size` with it.
inline std::size_t most_in_field_line(std::size_t field_size) {
  return field_size < 2 ? 0 : field_size - 2;
}

// At least one digit and nothing else.
inline bool is_digits(std::string_view text) {
  for (char c : text) {
    if (!is(c, kDigit)) return false;
  }
  return !text.empty();
}

}  // namespace saola::http
