#include <string>

#include <gtest/gtest.h>

#include <saola/objects/object_name.hpp>

namespace saola::objects {
namespace {

using namespace std::string_literals;

TEST(ObjectName, ParsesAndPrints) {
  for (const std::string text :
       {"s3://samples/us_states.csv", "s3://b/k", "s3://my.bucket-1_x/a/b/c.csv", "s3://b/a//b",
        "s3://b//leading", "s3://b/folder/", "s3://b/a b+c%20d?e#f", "s3://b/日本/ñ~.csv",
        "s3://b/..a/b../...", "s3://UPPER/Case"}) {
    const auto name = ObjectName::parse(text);
    ASSERT_TRUE(name) << text << ": " << name.error().message();
    EXPECT_EQ(name->to_string(), text);
  }
  const auto name = ObjectName::parse("s3://samples/out/a.csv").value();
  EXPECT_EQ(name.bucket(), "samples");
  EXPECT_EQ(name.key(), "out/a.csv");
  EXPECT_EQ(name, ObjectName::make("samples", "out/a.csv").value());
}

TEST(ObjectName, RefusesEverythingElse) {
  for (const std::string& text : {""s,
                                  "/etc/passwd"s,
                                  "file:///etc/passwd"s,
                                  "http://b/k"s,
                                  "S3://b/k"s,
                                  "s3:/b/k"s,
                                  "s3://"s,
                                  "s3:///k"s,
                                  "s3://b"s,
                                  "s3://b/"s,
                                  " s3://b/k"s,
                                  "s3://b b/k"s,
                                  "s3://.b/k"s,
                                  "s3://b-/k"s,
                                  "s3://a..b/k"s,
                                  "s3://../k"s,
                                  "s3://b\0c/k"s,
                                  "s3://user@b/k"s,
                                  "s3://b:80/k"s,
                                  "s3://"s + std::string(64, 'a') + "/k",
                                  "s3://b/.."s,
                                  "s3://b/../x"s,
                                  "s3://b/a/../x"s,
                                  "s3://b/./x"s,
                                  "s3://b/a/."s,
                                  "s3://b/a/.."s,
                                  "s3://b/a\0b"s,
                                  "s3://b/a\nb"s,
                                  "s3://b/a\x7f"s,
                                  "s3://b/\xff"s,
                                  "s3://b/\xc0\xaf"s,
                                  "s3://b/\xed\xa0\x80"s,
                                  "s3://b/\xf4\x90\x80\x80"s,
                                  "s3://b/\xe2\x82"s,
                                  "s3://b/"s + std::string(1025, 'k')}) {
    const auto name = ObjectName::parse(text);
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error().code(), ErrorCode::kInvalidArgument) << text;
    EXPECT_FALSE(name.error().text().empty());
    EXPECT_EQ(name.error().text().find('\n'), std::string::npos);
  }
}

TEST(ObjectName, LongestKey) {
  EXPECT_TRUE(ObjectName::parse("s3://b/" + std::string(1024, 'k')));
  EXPECT_TRUE(ObjectName::parse("s3://" + std::string(63, 'b') + "/k"));
}

TEST(ObjectPrefix, ParsesWithAndWithoutSlash) {
  EXPECT_EQ(ObjectPrefix::parse("s3://b")->to_string(), "s3://b/");
  EXPECT_EQ(ObjectPrefix::parse("s3://b/")->to_string(), "s3://b/");
  EXPECT_EQ(ObjectPrefix::parse("s3://b/out")->to_string(), "s3://b/out/");
  EXPECT_EQ(ObjectPrefix::parse("s3://b/out/x/")->key(), "out/x/");
  EXPECT_FALSE(ObjectPrefix::parse("s3://b/../x"));
  EXPECT_FALSE(ObjectPrefix::parse("out/"));
  EXPECT_EQ(ObjectPrefix::parse("s3://b/out")->object("r.csv")->to_string(), "s3://b/out/r.csv");
  EXPECT_EQ(ObjectPrefix::parse("s3://b")->object("r.csv")->to_string(), "s3://b/r.csv");
  EXPECT_FALSE(ObjectPrefix::parse("s3://b/out")->object("../r.csv"));
  EXPECT_FALSE(ObjectPrefix::parse("s3://b")->object(""));
}

}  // namespace
}  // namespace saola::objects
