// HTTP dates (RFC 9110 §5.6.7).
//
//   const auto now = std::chrono::floor<std::chrono::seconds>(real_clock().system_now());
//   response.headers.set("Expires", format_http_date(now + 1h));
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace saola::http {

// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, 29 bytes). REQUIRES: a year of four digits.
std::string format_http_date(std::chrono::sys_seconds time);

// Reads IMF-fixdate and the obsolete forms of RFC 850 and asctime; nullopt for anything else. The
// two-digit year of RFC 850 is the one at most 50 years after `now`.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text,
                                                        std::chrono::sys_seconds now);

}  // namespace saola::http
