#include <array>

#include <gtest/gtest.h>

#include <saola/http/media_type.hpp>

namespace saola::http {
namespace {

TEST(MediaType, Parses) {
  const auto type = parse_media_type("Text/HTML; Charset=\"utf\\-8\" ;a=b;");
  ASSERT_TRUE(type);
  EXPECT_EQ(type->type, "text");
  EXPECT_EQ(type->subtype, "html");
  EXPECT_EQ(type->parameter("charset"), "utf-8");
  EXPECT_EQ(type->parameter("a"), "b");
  EXPECT_EQ(type->parameter("c"), std::nullopt);
}

TEST(MediaType, RefusesWhatIsNone) {
  for (const std::string_view text : {"", "text", "text/", "/html", "a b/c", "text/html; x",
                                      "text/html; x=", "text/html; x=\"a", "text/html; =a"}) {
    EXPECT_FALSE(parse_media_type(text)) << text;
  }
}

TEST(QualityList, WeightsInThousandths) {
  const auto items =
      parse_quality_list("a, b;q=0.5 , c;x=\"1,2\";q=0, d;q=2, e;q=0.1234, f;Q=1.000");
  ASSERT_EQ(items.size(), 4U);
  EXPECT_EQ(items[0].value, "a");
  EXPECT_EQ(items[0].weight, 1000);
  EXPECT_EQ(items[1].value, "b");
  EXPECT_EQ(items[1].weight, 500);
  EXPECT_EQ(items[2].value, "c;x=\"1,2\"");
  EXPECT_EQ(items[2].weight, 0);
  EXPECT_EQ(items[3].value, "f");
}

TEST(QualityList, ChoosesTheMediaType) {
  constexpr std::array<std::string_view, 2> kOffered = {"application/json", "text/html"};
  EXPECT_EQ(choose_media_type("", kOffered), 0U);
  EXPECT_EQ(choose_media_type("*/*", kOffered), 0U);
  EXPECT_EQ(choose_media_type("text/*", kOffered), 1U);
  EXPECT_EQ(choose_media_type("text/html, */*;q=0.1", kOffered), 1U);
  EXPECT_EQ(choose_media_type("*/*, application/json;q=0", kOffered), 1U);
  EXPECT_EQ(choose_media_type("image/png", kOffered), std::nullopt);
}

TEST(QualityList, Encoding) {
  EXPECT_EQ(encoding_weight("gzip, br;q=0.5", "GZIP"), 1000);
  EXPECT_EQ(encoding_weight("gzip, br;q=0.5", "br"), 500);
  EXPECT_EQ(encoding_weight("gzip", "zstd"), 0);
  EXPECT_EQ(encoding_weight("*;q=0.2", "zstd"), 200);
  EXPECT_EQ(encoding_weight("gzip", "identity"), 1000);
  EXPECT_EQ(encoding_weight("gzip, *;q=0", "identity"), 0);
}

}  // namespace
}  // namespace saola::http
