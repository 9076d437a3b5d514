// Strict JSON (RFC 8259) from a client: what Boost.JSON accepts, minus repeated keys and numbers
// that do not fit a double.
#pragma once

#include <cstddef>
#include <string_view>

#include <boost/json/fwd.hpp>

#include <saola/base/error.hpp>

namespace saola::web {

// kInvalidArgument with line, column and reason; kTooLarge is not for here: the text is in memory.
Result<boost::json::value> read_json(std::string_view text, std::size_t max_depth);

}  // namespace saola::web
