#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/http_conn/proxy_protocol.hpp>

#include "test_server.hpp"

namespace saola::http_conn {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using State = ProxyHeader::State;

constexpr auto kVersion2 =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\x02\x01\xc0\0\x02\x02\x12\x67\x01\xbb\x04\0\0"sv;
constexpr auto kVersion2Local = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"sv;

TEST(ProxyProtocol, NamesTheClient) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n", "192.0.2.1:4711"},
      {"PROXY TCP6 2001:db8::1 ::1 4711 443\r\n", "[2001:db8::1]:4711"},
      {"PROXY UNKNOWN\r\n", ""},
      {"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ""},
      {kVersion2, "192.0.2.1:4711"},
      {kVersion2Local, ""}};
  for (const auto& [bytes, client] : cases) {
    const ProxyHeader header = parse_proxy_header(std::string(bytes) + "GET /");
    EXPECT_EQ(header.state, State::kDone) << bytes;
    EXPECT_EQ(header.size, bytes.size());
    EXPECT_EQ(header.client, client);
    // However it is cut, what is missing never reaches beyond the header.
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      const ProxyHeader part = parse_proxy_header(bytes.substr(0, cut));
      ASSERT_EQ(part.state, State::kNeedMore) << bytes << " cut at " << cut;
      EXPECT_GT(part.missing, 0U);
      EXPECT_LE(cut + part.missing, bytes.size());
    }
  }
}

TEST(ProxyProtocol, RefusesWhatIsNone) {
  for (const std::string_view bytes :
       {"GET / HTTP/1.1\r\n"sv, "PROXY TCP4 192.0.2.1 192.0.2.2 4711\r\n"sv,
        "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n"sv, "PROXY TCP4 ::1 ::1 1 2\r\n"sv,
        "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n"sv, "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n"sv,
        "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n"sv, "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"sv,
        "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n"sv, "PROXY UNKNOWN\nxx"sv, "proxy UNKNOWN\r\n"sv,
        "\r\n\r\n\0\r\nQUIT\n\x11\x11\0\x0c"sv, "\r\n\r\n\0\r\nQUIT\n\x22\x11\0\x0c"sv,
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"sv,
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04\x01\x02\x03\x04"sv}) {
    EXPECT_EQ(parse_proxy_header(bytes).state, State::kRefused) << bytes;
  }
  EXPECT_EQ(parse_proxy_header("PROXY TCP4 " + std::string(200, '1')).state, State::kRefused);
}

// What stood behind the NUL once came into logs and addresses.
TEST(ProxyProtocol, ANulEndsNoAddress) {
  for (const std::string_view bytes :
       {"PROXY TCP4 192.0.2.1\0x 192.0.2.2 1 2\r\n"sv, "PROXY TCP6 ::1 ::1\0 1 2\r\n"sv}) {
    EXPECT_EQ(parse_proxy_header(bytes).state, State::kRefused);
  }
}

TEST(ProxyProtocol, TheHandlerSeesTheClientOfTheProxy) {
  ServiceOptions options;
  options.header_timeout = 200ms;
  TestServer server(Model::kFiber,
                    [](http::Request& r) {
                      return http::Response(200, "text/plain", std::string(r.remote_address));
                    },
                    options, {.proxy = Prologue::Proxy::kExpected});
  constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  Client named(server);
  named.send(std::string(kVersion2) + std::string(kGet));
  EXPECT_THAT(named.read_all(), testing::EndsWith("\r\n\r\n192.0.2.1:4711"));
  Client local(server);
  local.send("PROXY UNKNOWN\r\n" + std::string(kGet));
  EXPECT_THAT(local.read_all(), testing::HasSubstr("\r\n\r\n127.0.0.1:"));
  Client none(server);
  none.send(kGet);
  EXPECT_EQ(none.read_all(), "");
  Client silent(server);
  EXPECT_EQ(silent.read_all(), "");
}

}  // namespace
}  // namespace saola::http_conn
