#include "settings/trusted_proxies.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace saola::server {

namespace {

// "1.2.3.4" of "1.2.3.4:5", "::1" of "[::1]:5"; a bare address has no port.
std::string_view without_port(std::string_view address) {
  if (address.starts_with('[')) return address.substr(1, address.find(']') - 1);
  if (std::ranges::count(address, ':') == 1) return address.substr(0, address.find(':'));
  return address;
}

}  // namespace

std::optional<std::array<std::uint8_t, 16>> TrustedProxies::parse_address(std::string_view text) {
  const std::string terminated(text);
  std::array<std::uint8_t, 16> out{};
  if (::inet_pton(AF_INET6, terminated.c_str(), out.data()) == 1) return out;
  std::array<std::uint8_t, 4> v4{};
  if (::inet_pton(AF_INET, terminated.c_str(), v4.data()) != 1) return std::nullopt;
  out[10] = out[11] = 0xFF;
  std::ranges::copy(v4, out.begin() + 12);
  return out;
}

Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& texts) {
  TrustedProxies out;
  for (const std::string& text : texts) {
    if (text == "*") {
      out.all_ = true;
      continue;
    }
    const std::size_t slash = text.find('/');
    const std::string host = text.substr(0, slash);
    const auto address = parse_address(host);
    Network network;
    bool good = address.has_value();
    if (good && slash != std::string::npos) {
      const int width = host.find(':') == std::string::npos ? 32 : 128;
      const char* end = text.data() + text.size();
      const auto [stopped, error] = std::from_chars(text.data() + slash + 1, end, network.bits);
      good = error == std::errc() && stopped == end && network.bits >= 0 && network.bits <= width;
      network.bits += 128 - width;
    }
    if (!good) {
      return fail(ErrorCode::kInvalidArgument,
                  "'{}' is no address and no network: write 10.1.2.3, 10.0.0.0/8, fd00::/8 or *",
                  text);
    }
    network.address = *address;
    out.networks_.push_back(network);
  }
  return out;
}

bool TrustedProxies::trusts(std::string_view address) const {
  if (all_ || address.starts_with("unix")) return true;
  const auto bytes = parse_address(without_port(address));
  if (!bytes) return false;
  return std::ranges::any_of(networks_, [&](const Network& network) {
    for (int bit = 0; bit < network.bits; bit += 8) {
      const auto index = static_cast<std::size_t>(bit / 8);
      const int left = std::min(8, network.bits - bit);
      const auto mask = static_cast<std::uint8_t>(0xFF << (8 - left));
      if (((*bytes)[index] ^ network.address[index]) & mask) return false;
    }
    return true;
  });
}

bool is_prefix(std::string_view text) {
  constexpr std::size_t kLongest = 1024;
  if (text.size() > kLongest) return false;
  while (!text.empty()) {
    if (text[0] != '/') return false;
    text.remove_prefix(1);
    const std::string_view segment = text.substr(0, text.find('/'));
    const bool plain = std::ranges::all_of(segment, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '.' || c == '_' || c == '~';
    });
    if (!plain || segment.empty() || segment == "." || segment == "..") return false;
    text.remove_prefix(segment.size());
  }
  return true;
}

std::optional<std::string_view> TrustedProxies::prefix(std::string_view peer,
                                                       const http::HeaderView& headers) const {
  if (!headers.contains("X-Forwarded-Prefix") || !trusts(peer)) return std::nullopt;
  std::string_view said = headers.get_or("X-Forwarded-Prefix", "");
  if (said.ends_with('/')) said.remove_suffix(1);
  return is_prefix(said) ? std::optional(said) : std::nullopt;
}

std::optional<std::string> TrustedProxies::client(std::string_view peer,
                                                  const http::HeaderView& headers) const {
  if (!headers.contains("X-Forwarded-For") || !trusts(peer)) return std::nullopt;
  const std::string list = headers.joined("X-Forwarded-For");
  std::string_view rest = list;
  std::string_view hop;
  // From the nearest hop outwards, as long as each may be believed.
  while (!rest.empty()) {
    const std::size_t comma = rest.rfind(',');
    hop = http::trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(0, comma);
    if (!trusts(hop)) break;
  }
  // A text that is no address is not passed on as one.
  if (!parse_address(without_port(hop))) return std::nullopt;
  return std::string(hop);
}

std::optional<std::string_view> TrustedProxies::scheme(std::string_view peer,
                                                       const http::HeaderView& headers) const {
  const std::string_view said = headers.get_or("X-Forwarded-Proto", "");
  if (said.empty() || !trusts(peer)) return std::nullopt;
  if (http::iequals(said, "https")) return "https";
  if (http::iequals(said, "http")) return "http";
  return std::nullopt;
}

}  // namespace saola::server
