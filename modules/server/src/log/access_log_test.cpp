#include "log/access_log.hpp"

#include <unistd.h>

#include <cstdlib>

#include <gmock/gmock.h>

namespace saola::server {
namespace {

using testing::HasSubstr;

class AccessLine : public testing::Test {
 protected:
  std::string line(std::string_view format) {
    request.headers = http::HeaderView(fields);
    const http_conn::Access access{.request = request,
                                   .status = 200,
                                   .response_headers = response_headers,
                                   .body_bytes = body_bytes,
                                   .started = SystemTime(std::chrono::seconds(1'700'000'000)),
                                   .duration = std::chrono::microseconds(2'345'678)};
    auto parsed = AccessLogFormat::parse(format);
    EXPECT_TRUE(parsed) << parsed.error().message();
    return parsed ? parsed->line(access, request.remote_address) : "";
  }

  std::vector<http::Field> fields{{"Referer", "http://a/"},
                                  {"User-Agent", "curl \"x\"\n\x80"},
                                  {"Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}};
  http::Request request{.target = "/a%20b?x=1",
                        .raw_path = "/a%20b",
                        .query = "x=1",
                        .remote_address = "[2001:db8::1]:4711"};
  http::Headers response_headers;
  std::uint64_t body_bytes = 13;
};

TEST_F(AccessLine, KnowsGunicornsAtoms) {
  response_headers.add("X-Kind", "good");
  ::setenv("PROBE_VARIABLE", "value", 1);
  EXPECT_EQ(
      line("%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s"),
      "2001:db8::1 - Aladdin [14/Nov/2023:22:13:20 +0000] \"GET /a%20b?x=1 HTTP/1.1\" 200 13\n");
  EXPECT_EQ(line("%(m)s %(U)s %(q)s %(H)s %(B)s"), "GET /a%20b x=1 HTTP/1.1 13\n");
  EXPECT_EQ(line("%(T)s %(M)s %(D)s %(L)s"), "2 2345 2345678 2.345678\n");
  EXPECT_EQ(line("%({referer}i)s %({x-kind}o)s %({PROBE_VARIABLE}e)s %({none}i)s"),
            "http://a/ good value -\n");
  EXPECT_EQ(line("%(p)s"), "<" + std::to_string(::getpid()) + ">\n");
  EXPECT_EQ(line("100% (plain)"), "100% (plain)\n");
}

TEST_F(AccessLine, ShowsADashForWhatIsMissing) {
  fields.clear();
  body_bytes = 0;
  EXPECT_EQ(line("%(b)s %(B)s %(f)s %(a)s %(u)s"), "- 0 - - -\n");
}

TEST_F(AccessLine, CannotBeBrokenByTheClient) {
  EXPECT_EQ(line("%(a)s"), "curl \\\"x\\\"\\x0a\\x80\n");
}

TEST_F(AccessLine, WritesJson) {
  const std::string text = line("json");
  EXPECT_THAT(text,
              HasSubstr(R"("status":200,"body_bytes":13,"seconds":2.345678,"complete":true)"));
  EXPECT_THAT(text, HasSubstr(R"("remote":"[2001:db8::1]:4711","method":"GET")"));
  EXPECT_THAT(text, HasSubstr(R"("user_agent":"curl \"x\"\n\ufffd")"));
}

TEST(AccessLogFormat, RefusesUnknownAtoms) {
  for (const char* format : {"%(x)s", "%(hh)s", "%(h", "%({}i)s", "%({a}x)s", "%()s"}) {
    EXPECT_FALSE(AccessLogFormat::parse(format)) << format;
  }
}

}  // namespace
}  // namespace saola::server
