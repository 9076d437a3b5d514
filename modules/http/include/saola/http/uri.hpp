// Pieces of URIs (RFC 3986) and of form data.
//
//   percent_decode("a%20b%2Fc")     // "a b/c"
//   percent_encode("a b/c")         // "a%20b%2Fc"
//   parse_form("q=a+b&page=2")      // {{"q", "a b"}, {"page", "2"}}
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace saola::http {

// uri-host [":" port] as a Host field may hold it: a name, an IPv4 or a bracketed IPv6 address;
// port 0–65535, may be empty. Stricter than RFC 3986: no "," in a name, for that is a list of two.
//
//   is_host_and_port("example.org:8080")    // true
//   is_host_and_port("[::1]:")              // true
//   is_host_and_port("a,b")                 // false
bool is_host_and_port(std::string_view text);

// Whether every "%" begins a "%HH".
bool has_valid_escapes(std::string_view text);

// "%HH" replaced by its byte, once; "+" stays. nullopt when an escape is broken. The result may
// hold any byte, "/" and NUL too.
std::optional<std::string> percent_decode(std::string_view text);

// Every byte but A–Z a–z 0–9 - . _ ~ as "%HH".
std::string percent_encode(std::string_view text);

// The pairs of "a=1&b=x+y" (a query, or application/x-www-form-urlencoded), decoded, in order. A
// part without "=" has an empty value; a broken escape stays as it is.
std::vector<std::pair<std::string, std::string>> parse_form(std::string_view text);

}  // namespace saola::http
