#include <gtest/gtest.h>

#include <saola/http/body.hpp>
#include <saola/http/uri.hpp>

namespace saola::http {
namespace {

// A body that does not say how long it is.
class Unannounced final : public BodyReader {
 public:
  explicit Unannounced(std::string_view text) : inner_(text) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    return inner_.read(buffer.first(std::min<std::size_t>(buffer.size(), 3)));
  }
  std::optional<std::uint64_t> length() const override { return std::nullopt; }

 private:
  StringBodyReader inner_;
};

TEST(Body, ReadAllStopsAtTheLimit) {
  EXPECT_EQ(StringBodyReader("hello").read_all(5).value(), "hello");
  EXPECT_EQ(Unannounced("hello").read_all(5).value(), "hello");
  EXPECT_EQ(Unannounced("").read_all(0).value(), "");
  EXPECT_EQ(Unannounced("hello").read_all(SIZE_MAX).value(), "hello");
  EXPECT_EQ(StringBodyReader("hello").read_all(4).error().code(), ErrorCode::kTooLarge);
  EXPECT_EQ(Unannounced("hello").read_all(4).error().code(), ErrorCode::kTooLarge);
  EXPECT_EQ(no_body().read_all(0).value(), "");
  EXPECT_EQ(no_body().length(), 0U);
}

TEST(Uri, DecodesOnceAndRefusesBrokenEscapes) {
  EXPECT_EQ(percent_decode("a%20b%2541+"), "a b%41+");
  EXPECT_EQ(percent_decode("%"), std::nullopt);
  EXPECT_EQ(percent_decode("%4"), std::nullopt);
  EXPECT_EQ(percent_decode("%4g"), std::nullopt);
  EXPECT_EQ(percent_encode("a b/\xc3\xa4~"), "a%20b%2F%C3%A4~");
}

TEST(Uri, Form) {
  const auto pairs = parse_form("a=1&b=x+y%26&&c&=d&e=%zz");
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"a", "1"}, {"b", "x y&"}, {"c", ""}, {"", "d"}, {"e", "%zz"}};
  EXPECT_EQ(pairs, wanted);
}

}  // namespace
}  // namespace saola::http
