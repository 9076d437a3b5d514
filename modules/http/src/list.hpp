// Comma- and semicolon-separated parts of field values, with quoted strings kept whole.
#pragma once

#include <cstddef>
#include <string_view>

#include <saola/http/headers.hpp>

namespace saola::http {

// Takes the part before the next `separator` outside quotes off `rest`, trimmed.
// REQUIRES: `rest` is not empty.
inline std::string_view take_part(std::string_view& rest, char separator) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < rest.size(); ++at) {
    if (quoted && rest[at] == '\\') {
      ++at;
    } else if (rest[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && rest[at] == separator) {
      break;
    }
  }
  at = at < rest.size() ? at : rest.size();
  const std::string_view part = trim(rest.substr(0, at));
  rest.remove_prefix(at < rest.size() ? at + 1 : at);
  return part;
}

}  // namespace saola::http
