#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/http/headers.hpp>

namespace saola::http {
namespace {

using namespace std::string_view_literals;

TEST(Headers, KeepsOrderAndComparesWithoutCase) {
  Headers headers;
  headers.add("B", "1");
  headers.add("a", "2");
  headers.add("b", " 3\t");
  EXPECT_EQ(headers.lines(), "B: 1\r\na: 2\r\nb: 3\r\n");
  EXPECT_EQ(headers.get("b"), "1");
  EXPECT_EQ(headers.get("A"), "2");
  EXPECT_EQ(headers.get("c"), std::nullopt);
  EXPECT_EQ(headers.get_or("c", "x"), "x");
  EXPECT_THAT(headers.fields(),
              testing::ElementsAre(Field{"B", "1"}, Field{"a", "2"}, Field{"b", "3"}));
}

TEST(Headers, SetReplacesAllOfThatName) {
  Headers headers;
  headers.add("X", "1");
  headers.add("Y", "2");
  headers.add("x", "3");
  headers.set("X", "4");
  EXPECT_EQ(headers.lines(), "Y: 2\r\nX: 4\r\n");
  headers.set("X", *headers.get("Y"));
  EXPECT_EQ(headers.lines(), "Y: 2\r\nX: 2\r\n");
  headers.set_default("Y", "5");
  headers.set_default("Z", "6");
  EXPECT_EQ(headers.lines(), "Y: 2\r\nX: 2\r\nZ: 6\r\n");
  EXPECT_EQ(headers.remove("y"), 1U);
  EXPECT_EQ(headers.remove("y"), 0U);
  EXPECT_EQ(headers.lines(), "X: 2\r\nZ: 6\r\n");
}

TEST(Headers, NothingCanSplitTheResponse) {
  Headers headers;
  headers.add("X", "1");
  for (const std::string_view value :
       {"a\r\nSet-Cookie: b"sv, "a\nb"sv, "a\rb"sv, "a\0b"sv, "a\x7f"sv, "\x01"sv}) {
    EXPECT_THROW(headers.add("Y", value), std::invalid_argument);
    EXPECT_THROW(headers.set("X", value), std::invalid_argument);
  }
  for (const std::string_view name : {"", "a b", "a:", "a\r\nb", "\xc3\xa4"}) {
    EXPECT_THROW(headers.add(name, "a"), std::invalid_argument);
  }
  EXPECT_EQ(headers.lines(), "X: 1\r\n");
}

TEST(HeaderView, JoinsAndSearchesLists) {
  const Field fields[] = {{"Accept", "a, b"}, {"X", "y"}, {"accept", "c"}};
  const HeaderView view(fields);
  EXPECT_EQ(view.joined("ACCEPT"), "a, b, c");
  EXPECT_EQ(view.joined("none"), "");
  EXPECT_EQ(view.count("accept"), 2U);
  EXPECT_TRUE(view.list_contains("accept", "B"));
  EXPECT_TRUE(view.list_contains("accept", "c"));
  EXPECT_FALSE(view.list_contains("accept", "d"));
  EXPECT_FALSE(view.list_contains("x", ""));
}

}  // namespace
}  // namespace saola::http
