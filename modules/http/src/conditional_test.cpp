#include <vector>

#include <gtest/gtest.h>

#include <saola/http/conditional.hpp>
#include <saola/http/range.hpp>

namespace saola::http {
namespace {

using Kind = RangeRequest::Kind;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr sys_seconds kChanged{seconds(784111777)};  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr sys_seconds kNow{seconds(1764000000)};

TEST(Range, TheExamplesOfTheRfc) {
  const auto partial = [](std::uint64_t first, std::uint64_t length) {
    return std::vector<ByteRange>{{first, length}};
  };
  EXPECT_EQ(parse_range("bytes=0-499", 10000).ranges, partial(0, 500));
  EXPECT_EQ(parse_range("bytes=500-999", 10000).ranges, partial(500, 500));
  EXPECT_EQ(parse_range("bytes=-500", 10000).ranges, partial(9500, 500));
  EXPECT_EQ(parse_range("bytes=9500-", 10000).ranges, partial(9500, 500));
  EXPECT_EQ(parse_range("BYTES=0-0,-1", 10000).ranges, (std::vector<ByteRange>{{0, 1}, {9999, 1}}));
  EXPECT_EQ(parse_range("bytes= 0-999, 4500-5499", 10000).ranges.size(), 2U);
}

TEST(Range, IsCutAtTheEnd) {
  EXPECT_EQ(parse_range("bytes=5-99999999999999999999999", 10).ranges,
            (std::vector<ByteRange>{{5, 5}}));
  EXPECT_EQ(parse_range("bytes=-99", 10).ranges, (std::vector<ByteRange>{{0, 10}}));
}

TEST(Range, Unsatisfiable) {
  for (const std::string_view text : {"bytes=10-", "bytes=10-20", "bytes=-0"}) {
    EXPECT_EQ(parse_range(text, 10).kind, Kind::kUnsatisfiable) << text;
  }
  EXPECT_EQ(parse_range("bytes=0-", 0).kind, Kind::kUnsatisfiable);
  EXPECT_EQ(unsatisfied_content_range(10), "bytes */10");
}

TEST(Range, WhatIsMalformedIsIgnored) {
  for (const std::string_view text :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=2-1", "bytes=+1-2", "bytes=1--2",
        "items=0-1", "bytes=0-1,x", "bytes=0x1-2"}) {
    EXPECT_EQ(parse_range(text, 10).kind, Kind::kWhole) << text;
  }
  std::string many = "bytes=0-0";
  for (int i = 0; i < 20; ++i) many += ",0-0";
  EXPECT_EQ(parse_range(many, 10).kind, Kind::kWhole);
}

// The answer to a request with `fields` for a file of ten bytes.
Response ask(std::vector<Field> fields, Method method = Method::kGet) {
  Request request;
  request.method = method;
  request.headers = HeaderView(fields);
  request.request_id = "7-1";
  return file_response(request, {{}, 10, "text/plain", {"\"v1\"", kChanged}}, kNow);
}

TEST(Conditional, PlainRequestIsTheWhole) {
  const Response response = ask({});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("ETag"), "\"v1\"");
  EXPECT_EQ(response.headers.get("Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(response.headers.get("Accept-Ranges"), "bytes");
  EXPECT_EQ(std::get<FileBody>(response.body).length, 10U);
}

TEST(Conditional, EntityTags) {
  EXPECT_EQ(ask({{"If-None-Match", "\"v1\""}}).status, 304);
  EXPECT_EQ(ask({{"If-None-Match", "\"x,y\", W/\"v1\""}}).status, 304);
  EXPECT_EQ(ask({{"If-None-Match", "*"}}).status, 304);
  EXPECT_EQ(ask({{"If-None-Match", "\"v2\""}}).status, 200);
  EXPECT_EQ(ask({{"If-None-Match", "\"v1\""}}, Method::kPut).status, 412);
  EXPECT_EQ(ask({{"If-Match", "\"v1\""}}).status, 200);
  EXPECT_EQ(ask({{"If-Match", "W/\"v1\""}}).status, 412);
  EXPECT_EQ(ask({{"If-Match", "\"v2\""}}).status, 412);
  EXPECT_EQ(ask({{"If-Match", "*"}}).status, 200);
}

TEST(Conditional, Dates) {
  constexpr std::string_view kSame = "Sun, 06 Nov 1994 08:49:37 GMT";
  constexpr std::string_view kEarlier = "Sun, 06 Nov 1994 08:49:36 GMT";
  EXPECT_EQ(ask({{"If-Modified-Since", kSame}}).status, 304);
  EXPECT_EQ(ask({{"If-Modified-Since", kEarlier}}).status, 200);
  EXPECT_EQ(ask({{"If-Modified-Since", "nonsense"}}).status, 200);
  EXPECT_EQ(ask({{"If-Unmodified-Since", kSame}}).status, 200);
  EXPECT_EQ(ask({{"If-Unmodified-Since", kEarlier}}).status, 412);
  EXPECT_EQ(ask({{"If-None-Match", "\"v2\""}, {"If-Modified-Since", kSame}}).status, 200)
      << "the date counts only without the tag";
}

// As every other problem document.
TEST(Conditional, ProblemsNameTheRequest) {
  for (const Field& field : {Field{"If-Match", "\"v2\""}, Field{"Range", "bytes=10-"}}) {
    const Response refused = ask({field});
    EXPECT_TRUE(std::get<std::string>(refused.body).contains("\"request_id\":\"7-1\""));
  }
}

TEST(Conditional, Ranges) {
  const Response part = ask({{"Range", "bytes=2-4"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.headers.get("Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(std::get<FileBody>(part.body).offset, 2U);
  EXPECT_EQ(std::get<FileBody>(part.body).length, 3U);
  const Response beyond = ask({{"Range", "bytes=10-"}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.headers.get("Content-Range"), "bytes */10");
  EXPECT_EQ(ask({{"Range", "bytes=0-1,4-5"}}).status, 200) << "several ranges: the whole";
  EXPECT_EQ(ask({{"Range", "bytes=2-4"}}, Method::kHead).status, 200) << "Range is for GET";
  EXPECT_EQ(ask({{"Range", "bytes=2-4"}, {"If-Range", "\"v1\""}}).status, 206);
  EXPECT_EQ(ask({{"Range", "bytes=2-4"}, {"If-Range", "W/\"v1\""}}).status, 200);
  EXPECT_EQ(ask({{"Range", "bytes=2-4"}, {"If-Range", "\"v2\""}}).status, 200);
  EXPECT_EQ(ask({{"Range", "bytes=2-4"}, {"If-Range", "Sun, 06 Nov 1994 08:49:37 GMT"}}).status,
            206);
  EXPECT_EQ(ask({{"Range", "bytes=2-4"}, {"If-Range", "Sun, 06 Nov 1994 08:49:38 GMT"}}).status,
            200);
}

}  // namespace
}  // namespace saola::http
