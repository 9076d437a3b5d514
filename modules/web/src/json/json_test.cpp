#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/web/app.hpp>
#include <saola/web/test_client.hpp>

#include "json/json_reader.hpp"

namespace saola::web {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

std::string refusal(std::string_view text) {
  const auto value = read_json(text, 32);
  return value ? "accepted" : value.error().text();
}

TEST(ReadJson, TakesEveryKindOfValue) {
  EXPECT_EQ(*read_json(" {\"a\": [1, -2, 18446744073709551615, 2.5e3, true, null, "
                       "\"\\u00e9\\ud83d\\ude00\"]}\r\n",
                       32),
            (json::value{{"a", {1, -2, 18446744073709551615U, 2500.0, true, nullptr, "é😀"}}}));
  EXPECT_EQ(*read_json("7", 32), json::value(7));
  EXPECT_EQ(read_json(R"({"a":{"x":1},"b":{"x":2},"c":[{"x":1},{"x":1}]})", 32)->at("b").at("x"),
            2);
}

TEST(ReadJson, EscapedNameIsTheSameName) {
  EXPECT_THAT(refusal(R"({"ab":1,"\u0061b":2})"), HasSubstr("the name 'ab' is there twice"));
}

TEST(ReadJson, RefusesWhatIsNotJson) {
  for (std::string_view bad : {"",
                               " ",
                               "{",
                               "[1,]",
                               "{\"a\":1,}",
                               "{'a':1}",
                               "{a:1}",
                               "NaN",
                               "Infinity",
                               "-Infinity",
                               "[NaN]",
                               "01",
                               "1.",
                               ".5",
                               "+1",
                               "0x10",
                               "1e400",
                               "-1e400",
                               "tru",
                               "nul",
                               "\"a",
                               "\"\t\"",
                               "\"\\x\"",
                               "\"\\ud800\"",
                               "\"\\u12\"",
                               "// c\n1",
                               "/* c */1",
                               "1 2",
                               "{} x",
                               "{}{}",
                               "[1 2]",
                               "\xEF\xBB\xBF{}",
                               "\"\xff\"",
                               "\"\xc0\xaf\"",
                               "\"\xed\xa0\x80\"",
                               "{\"a\":1,\"a\":1}",
                               "[",
                               "]",
                               "{\"a\"}",
                               "a=1&b=2"}) {
    EXPECT_NE(refusal(bad), "accepted") << bad;
  }
  EXPECT_NE(refusal(std::string_view("{}\0", 3)), "accepted");
}

TEST(ReadJson, SaysWhere) {
  EXPECT_THAT(refusal("{\n  \"a\": 1,\n  \"b\": }\n"), HasSubstr("line 3, column 8"));
  EXPECT_THAT(refusal("{\"a\": 1} x"), HasSubstr("line 1, column 10"));
  EXPECT_THAT(refusal("[1, 2"), HasSubstr("ends too early"));
  EXPECT_THAT(refusal("[1e999]"), HasSubstr("too large"));
}

TEST(ReadJson, DepthIsLimited) {
  const std::string fine = std::string(32, '[') + std::string(32, ']');
  EXPECT_EQ(refusal(fine), "accepted");
  EXPECT_THAT(refusal(std::string(33, '[') + std::string(33, ']')), HasSubstr("more than 32 deep"));
  EXPECT_NE(refusal(std::string(1'000'000, '[')), "accepted");
}

TEST(ReadJson, ManyNamesInOneObjectTakeNoQuadraticTime) {
  std::string text = "{";
  for (int i = 0; i < 50'000; ++i) text += fmt::format("\"{}\":0,", i);
  text += "\"0\":1}";
  EXPECT_THAT(refusal(text), HasSubstr("'0' is there twice"));
}

struct JsonBody : testing::Test {
  App app{{.limits = {.body_bytes = 100}}};
  TestClient client{app};
  void SetUp() override {
    app.post("/echo", [](Request& request) { return json::value(request.json()); });
  }
  TestResponse send(std::string_view type, std::string_view body) {
    if (type.empty()) return client.request("POST", "/echo", body);
    return client.request("POST", "/echo", body, {{"Content-Type", std::string(type)}});
  }
};

TEST_F(JsonBody, ContentTypes) {
  for (std::string_view good :
       {"application/json", "Application/JSON; charset=utf-8", "application/json;charset=\"UTF-8\"",
        "application/merge-patch+json", "application/vnd.x.y+json; v=1"}) {
    EXPECT_EQ(send(good, "{}").status, 200) << good;
  }
  for (std::string_view bad :
       {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json",
        "application/json; charset=latin-1", "+json"}) {
    const auto answer = send(bad, "{}");
    EXPECT_EQ(answer.status, 415) << bad;
    EXPECT_THAT(answer.body, HasSubstr("application/json"));
  }
}

TEST_F(JsonBody, ErrorsAreProblems) {
  const auto bad = send("application/json", "{\"a\":");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.json().at("code"), "invalid_argument");
  const auto empty = send("application/json", "");
  EXPECT_EQ(empty.status, 400);
  EXPECT_THAT(empty.body, HasSubstr("empty"));
  EXPECT_EQ(send("application/json", "\"" + std::string(98, 'x') + "\"").status, 200);
  EXPECT_EQ(send("application/json", "\"" + std::string(99, 'x') + "\"").status, 413);
}

// A body that comes in pieces and ends in an error.
class BrokenBody final : public http::BodyReader {
 public:
  explicit BrokenBody(Error error) : error_(std::move(error)) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    if (std::exchange(begun_, true)) return fail(error_);
    buffer[0] = '{';
    return 1;
  }
  std::optional<std::uint64_t> length() const override { return std::nullopt; }

 private:
  Error error_;
  bool begun_ = false;
};

TEST_F(JsonBody, BodyErrorsHaveTheirStatus) {
  const http::Field fields[] = {{"Content-Type", "application/json"}};
  const auto status = [&](ErrorCode code) {
    BrokenBody body(Error(code, "x"));
    http::Request raw;
    raw.method = http::Method::kPost;
    raw.method_name = "POST";
    raw.raw_path = raw.path = "/echo";
    raw.headers = http::HeaderView(fields);
    raw.body = &body;
    return app.handle(raw).status;
  };
  EXPECT_EQ(status(ErrorCode::kTimedOut), 408);
  EXPECT_EQ(status(ErrorCode::kTooLarge), 413);
  EXPECT_EQ(status(ErrorCode::kInvalidArgument), 400);
  EXPECT_EQ(status(ErrorCode::kClosed), 400);
  EXPECT_EQ(status(ErrorCode::kCancelled), 503);
}

}  // namespace
}  // namespace saola::web
