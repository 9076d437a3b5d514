#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/http/serialise.hpp>

namespace saola::http {
namespace {

struct Made {
  std::string head;
  ResponsePlan plan;
};

Made make(const Response& response, ResponseContext context = {}) {
  Made made;
  made.plan = append_head(made.head, response, context);
  return made;
}

Response stream(std::optional<std::uint64_t> length = std::nullopt) {
  Response response;
  response.body = StreamBody{[](BodyWriter&) { return Result<void>(); }, length};
  return response;
}

TEST(Serialise, KnownLength) {
  const auto made = make(Response(200, "text/plain", "Hello, world!"), {.date = "D"});
  EXPECT_EQ(made.head,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: D\r\nContent-Length: 13\r\n\r\n");
  EXPECT_EQ(made.plan.delimiter, Delimiter::kLength);
  EXPECT_EQ(made.plan.length, 13U);
  EXPECT_TRUE(made.plan.keep_alive);
}

TEST(Serialise, EmptyBodyHasLengthZero) {
  EXPECT_EQ(make(Response(404)).head, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

TEST(Serialise, StreamIsChunkedIn11AndEndsByClosingIn10) {
  const auto modern = make(stream());
  EXPECT_EQ(modern.head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(modern.plan.delimiter, Delimiter::kChunked);
  const auto old = make(stream(), {.version = {1, 0}});
  EXPECT_EQ(old.head, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(old.plan.delimiter, Delimiter::kClose);
  EXPECT_FALSE(old.plan.keep_alive);
  EXPECT_EQ(make(stream(5)).head, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
}

TEST(Serialise, KeepAliveIsSaidOnlyTo10) {
  EXPECT_EQ(make(Response(200), {.version = {1, 0}}).head,
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(make(Response(200), {.keep_alive = false}).head,
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST(Serialise, HandlersCloseIsHeeded) {
  Response response(200);
  response.headers.set("Connection", "x, Close");
  const auto made = make(response);
  EXPECT_EQ(made.head, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(made.plan.keep_alive);
}

TEST(Serialise, FramingFieldsOfTheHandlerAreReplaced) {
  Response response(200, "text/plain", "abc");
  response.headers.set("Content-Length", "99");
  response.headers.set("Transfer-Encoding", "chunked");
  response.headers.set("Keep-Alive", "timeout=5");
  EXPECT_EQ(make(response).head,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n");
}

TEST(Serialise, HeadHasTheLengthAndNoBody) {
  const auto made = make(Response(200, "text/plain", "abc"), {.method = Method::kHead});
  EXPECT_THAT(made.head, testing::HasSubstr("Content-Length: 3\r\n"));
  EXPECT_EQ(made.plan.delimiter, Delimiter::kNoBody);
  Response own(200);
  own.headers.set("Content-Length", "77");
  EXPECT_EQ(make(own, {.method = Method::kHead}).head,
            "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n");
  EXPECT_EQ(make(stream(), {.method = Method::kHead}).head, "HTTP/1.1 200 OK\r\n\r\n");
}

TEST(Serialise, StatusesWithoutBody) {
  for (const int status : {204, 304}) {
    const auto made = make(Response(status, "text/plain", "abc"));
    EXPECT_EQ(made.plan.delimiter, Delimiter::kNoBody);
    EXPECT_THAT(made.head, testing::Not(testing::HasSubstr("Content-Length")));
    EXPECT_THAT(made.head, testing::Not(testing::HasSubstr("Transfer-Encoding")));
  }
  const auto reset = make(Response(205, "text/plain", "abc"));
  EXPECT_THAT(reset.head, testing::HasSubstr("Content-Length: 0\r\n"));
  EXPECT_EQ(reset.plan.length, 0U);
  const auto tunnel = make(Response(200), {.method = Method::kConnect});
  EXPECT_EQ(tunnel.head, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

TEST(Serialise, UpgradeNamesItsConnectionOption) {
  Response response(426);
  response.headers.set("Upgrade", "TLS/1.2");
  EXPECT_EQ(make(response).head,
            "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nContent-Length: 0\r\n"
            "Connection: upgrade\r\n\r\n");
}

TEST(Serialise, UnknownStatusHasThePhraseOfItsClass) {
  EXPECT_TRUE(make(Response(299)).head.starts_with("HTTP/1.1 299 Success\r\n"));
  EXPECT_TRUE(make(Response(499)).head.starts_with("HTTP/1.1 499 Client Error\r\n"));
}

TEST(Serialise, Chunks) {
  std::string out;
  append_chunk(out, "");
  append_chunk(out, "0123456789abcdef");
  Headers trailers;
  trailers.add("X", "y");
  append_last_chunk(out, trailers);
  EXPECT_EQ(out, "10\r\n0123456789abcdef\r\n0\r\nX: y\r\n\r\n");
}

}  // namespace
}  // namespace saola::http
