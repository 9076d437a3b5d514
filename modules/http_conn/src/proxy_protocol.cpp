#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/core.h>

#include <saola/http_conn/proxy_protocol.hpp>

namespace saola::http_conn {
namespace {

using State = ProxyHeader::State;

constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kShortest1 = 15;  // "PROXY UNKNOWN\r\n"
constexpr std::size_t kLongest1 = 107;
constexpr std::size_t kHead2 = 16;
constexpr std::size_t kLongest2 = 4096;  // with extensions, which are skipped

ProxyHeader refused() {
  return {.state = State::kRefused};
}
ProxyHeader need(std::size_t missing) {
  return {.state = State::kNeedMore, .missing = missing};
}

// A decimal number without sign and leading zeros, at most 65535.
std::optional<unsigned> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port > 65535) return {};
  if (text.size() > 1 && text.front() == '0') return {};
  return port;
}

bool is_address(int family, std::string_view text) {
  // inet_pton() stops at a NUL; what follows it must not become part of the client's name.
  if (text.contains('\0')) return false;
  std::array<unsigned char, 16> address;
  return inet_pton(family, std::string(text).c_str(), address.data()) == 1;
}

// "PROXY" SP ("TCP4" | "TCP6") SP source SP destination SP port SP port CRLF, or "PROXY UNKNOWN" …
ProxyHeader parse_1(std::string_view bytes) {
  const std::string_view whole = bytes.substr(0, kLongest1);
  const auto end = whole.find("\r\n");
  if (end == std::string_view::npos) {
    if (whole.size() == kLongest1 || whole.find('\n') != std::string_view::npos) return refused();
    return need(whole.size() < kShortest1 ? kShortest1 - whole.size() : 1);
  }
  const std::string_view line = whole.substr(0, end);
  ProxyHeader header{.state = State::kDone, .size = end + 2};
  if (line == "PROXY UNKNOWN" || line.starts_with("PROXY UNKNOWN ")) return header;
  std::vector<std::string_view> words;
  for (std::string_view rest = line;;) {
    const auto space = rest.find(' ');
    words.push_back(rest.substr(0, space));
    if (space == std::string_view::npos) break;
    rest.remove_prefix(space + 1);
  }
  if (words.size() != 6 || words[0] != "PROXY") return refused();
  const bool is_4 = words[1] == "TCP4";
  if (!is_4 && words[1] != "TCP6") return refused();
  const int family = is_4 ? AF_INET : AF_INET6;
  const auto port = parse_port(words[4]);
  if (!is_address(family, words[2]) || !is_address(family, words[3]) || !port ||
      !parse_port(words[5])) {
    return refused();
  }
  header.client =
      is_4 ? fmt::format("{}:{}", words[2], *port) : fmt::format("[{}]:{}", words[2], *port);
  return header;
}

ProxyHeader parse_2(std::string_view bytes) {
  if (bytes.size() < kHead2) return need(kHead2 - bytes.size());
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  const std::size_t length = byte(14) * 256U + byte(15);
  const unsigned command = byte(12) & 15U;
  if (byte(12) >> 4 != 2 || command > 1 || length > kLongest2) return refused();
  if (bytes.size() < kHead2 + length) return need(kHead2 + length - bytes.size());
  ProxyHeader header{.state = State::kDone, .size = kHead2 + length};
  if (command == 0) return header;  // LOCAL
  const unsigned family = byte(13) >> 4;
  const std::size_t size = family == 1 ? 4 : 16;
  if (family != 1 && family != 2) return header;
  if (length < 2 * size + 4) return refused();
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family == 1 ? AF_INET : AF_INET6, bytes.data() + kHead2, text.data(), text.size());
  const unsigned port = byte(kHead2 + 2 * size) * 256U + byte(kHead2 + 2 * size + 1);
  header.client = family == 1 ? fmt::format("{}:{}", text.data(), port)
                              : fmt::format("[{}]:{}", text.data(), port);
  return header;
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view bytes) {
  constexpr std::string_view kSignature1 = "PROXY ";
  const auto begins = [&](std::string_view signature) {
    return bytes.substr(0, signature.size()) == signature.substr(0, bytes.size());
  };
  if (!begins(kSignature1) && !begins(kSignature2)) return refused();
  if (bytes.size() < kSignature1.size()) return need(kShortest1 - bytes.size());
  return begins(kSignature1) ? parse_1(bytes) : parse_2(bytes);
}

Result<std::string> read_proxy_header(runtime::Socket& socket, Deadline deadline) {
  std::string bytes;
  for (;;) {
    ProxyHeader header = parse_proxy_header(bytes);
    if (header.state == State::kDone) return std::move(header.client);
    if (header.state == State::kRefused) {
      return fail(ErrorCode::kInvalidArgument,
                  "the connection does not begin with a PROXY header, which this listener expects");
    }
    const std::size_t filled = bytes.size();
    bytes.resize(filled + header.missing);
    const auto count = socket.read_some(std::span(bytes).subspan(filled), deadline);
    if (!count) return fail(count);
    if (*count == 0) return fail(ErrorCode::kClosed, "the peer closed inside its PROXY header");
    bytes.resize(filled + *count);
  }
}

}  // namespace saola::http_conn
