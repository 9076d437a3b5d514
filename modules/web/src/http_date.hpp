// Dates of header fields (RFC 9110 §5.6.7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace saola::web {

// "Sun, 06 Nov 1994 08:49:37 GMT" for seconds since 1970.
std::string format_http_date(std::int64_t seconds);
// Any of the three forms a sender may have used; nullopt for anything else.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace saola::web
