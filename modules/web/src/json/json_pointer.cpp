#include "json/json_pointer.hpp"

#include <saola/http/uri.hpp>

namespace saola::web {

std::string pointer_step(std::string_view name) {
  std::string out = "/";
  for (char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += http::percent_encode(std::string_view(&c, 1));
    }
  }
  return out;
}

}  // namespace saola::web
