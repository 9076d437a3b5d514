// What the server answers `ctl`, for people.
#pragma once

#include <string_view>

#include <boost/json.hpp>

namespace saola::server {

// Prints a "result" of the control socket on standard output. `what`: the word after "show", or
// empty for the answer to another command.
void print_answer(const boost::json::value& result, std::string_view what);

}  // namespace saola::server
