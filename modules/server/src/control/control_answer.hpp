// The form of every answer on the control socket.
#pragma once

#include <string>

#include <saola/base/error.hpp>

namespace saola::server {

// An answer of the control socket: {"ok":true,"result":…} with the JSON text, or
// {"ok":false,"error":"…"}. One line, without its newline. The text is put in as it is: a thousand
// jobs are printed once, not parsed and printed again. REQUIRES: it has no line break.
std::string control_answer(const Result<std::string>& json);

}  // namespace saola::server
