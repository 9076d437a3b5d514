// JSON Pointers in messages.
#pragma once

#include <string>
#include <string_view>

namespace saola::web {

// One step of a JSON Pointer in a URI fragment (RFC 6901 §6): "/a~1b" for "a/b".
std::string pointer_step(std::string_view name);

}  // namespace saola::web
