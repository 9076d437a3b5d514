#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <charconv>
#include <cstring>

#include <saola/runtime/socket.hpp>

namespace saola::runtime {

std::string SocketAddress::to_string() const {
  char host[INET6_ADDRSTRLEN] = "";
  switch (storage.ss_family) {
    case AF_INET: {
      const auto& in = reinterpret_cast<const sockaddr_in&>(storage);
      ::inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
      return fmt::format("{}:{}", host, ntohs(in.sin_port));
    }
    case AF_INET6: {
      const auto& in = reinterpret_cast<const sockaddr_in6&>(storage);
      ::inet_ntop(AF_INET6, &in.sin6_addr, host, sizeof host);
      return fmt::format("[{}]:{}", host, ntohs(in.sin6_port));
    }
    case AF_UNIX: {
      const auto& un = reinterpret_cast<const sockaddr_un&>(storage);
      const std::size_t offset = offsetof(sockaddr_un, sun_path);
      const std::size_t longest = length > offset ? length - offset : 0;
      return "unix:" + std::string(un.sun_path, ::strnlen(un.sun_path, longest));
    }
    default:
      return "?";
  }
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  SocketAddress address;
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    auto& un = reinterpret_cast<sockaddr_un&>(address.storage);
    if (path.empty() || path.size() >= sizeof un.sun_path) {
      return fail(ErrorCode::kInvalidArgument,
                  "'{}' is not an address: a unix socket's path has 1 to {} bytes", text,
                  sizeof un.sun_path - 1);
    }
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, path.data(), path.size());
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return address;
  }
  const std::size_t colon = text.rfind(':');
  std::uint16_t port = 0;
  const auto bad = [&] {
    return fail(
        ErrorCode::kInvalidArgument,
        "'{}' is not an address: write HOST:PORT with a numeric host, [V6]:PORT or unix:PATH",
        text);
  };
  if (colon == std::string_view::npos) return bad();
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return bad();
  std::string host(text.substr(0, colon));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    auto& in = reinterpret_cast<sockaddr_in6&>(address.storage);
    host = host.substr(1, host.size() - 2);
    if (::inet_pton(AF_INET6, host.c_str(), &in.sin6_addr) != 1) return bad();
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    address.length = sizeof in;
  } else {
    auto& in = reinterpret_cast<sockaddr_in&>(address.storage);
    if (host == "localhost") host = "127.0.0.1";
    if (::inet_pton(AF_INET, host.c_str(), &in.sin_addr) != 1) return bad();
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    address.length = sizeof in;
  }
  return address;
}

}  // namespace saola::runtime
