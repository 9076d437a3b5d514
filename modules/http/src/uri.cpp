#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include <saola/http/uri.hpp>

#include "grammar.hpp"

namespace saola::http {
namespace {

bool is_port(std::string_view text) {
  int value = 0;
  for (char c : text) {
    if (!is(c, kDigit)) return false;
    value = value * 10 + (c - '0');
    if (value > 65535) return false;
  }
  return true;
}

bool is_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.size() >= copy.size()) return false;
  // inet_pton() stops at a NUL; what follows it must not slip through.
  if (text.contains('\0')) return false;
  std::ranges::copy(text, copy.begin());
  in6_addr address;
  return inet_pton(AF_INET6, copy.data(), &address) == 1;
}

void append_decoded(std::string& out, std::string_view text, char plus) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? plus : text[i];
    }
  }
}

}  // namespace

bool is_host_and_port(std::string_view text) {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos || !is_ipv6(text.substr(1, close - 1))) return false;
    const std::string_view rest = text.substr(close + 1);
    return rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1)));
  }
  const auto colon = std::min(text.find(':'), text.size());
  const std::string_view name = text.substr(0, colon);
  const bool legal =
      std::ranges::all_of(name, [](char c) { return (is(c, kHostChar) && c != ',') || c == '%'; });
  if (name.empty() || !legal || !has_valid_escapes(name)) return false;
  return colon == text.size() || is_port(text.substr(colon + 1));
}

bool has_valid_escapes(std::string_view text) {
  for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3)) {
    if (at + 2 >= text.size() || hex_value(text[at + 1]) < 0 || hex_value(text[at + 2]) < 0) {
      return false;
    }
  }
  return true;
}

std::optional<std::string> percent_decode(std::string_view text) {
  if (!has_valid_escapes(text)) return std::nullopt;
  std::string out;
  append_decoded(out, text, '+');
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    const bool unreserved = is(c, kUnreserved);
    if (unreserved) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_form(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (part.empty()) continue;
    const auto equals = std::min(part.find('='), part.size());
    auto& [name, value] = pairs.emplace_back();
    append_decoded(name, part.substr(0, equals), ' ');
    append_decoded(value, part.substr(std::min(equals + 1, part.size())), ' ');
  }
  return pairs;
}

}  // namespace saola::http
