#include <gtest/gtest.h>

#include <saola/base/text.hpp>

namespace saola {
namespace {

TEST(Utf8, WhatIsNotWellFormedIsFoundWhereItBegins) {
  using namespace std::string_view_literals;
  const std::string plain(20, 'a');
  struct Case {
    std::string_view bytes;
    std::size_t at;
  };
  for (const auto& [bytes, at] : {Case{"\x80"sv, 0},
                                  {"\xC0\xAF"sv, 0},
                                  {"\xC3"sv, 0},
                                  {"\xC3\xA9\xE9t"sv, 2},
                                  {"\xE0\x9F\xBF"sv, 0},
                                  {"\xED\xA0\x80"sv, 0},
                                  {"\xF0\x8F\xBF\xBF"sv, 0},
                                  {"\xF4\x90\x80\x80"sv, 0},
                                  {"\xF5\x80\x80\x80"sv, 0},
                                  {"\xE2\x82"sv, 0},
                                  {"\xE2\x82\xAC\xFF"sv, 3}}) {
    EXPECT_EQ(find_invalid_utf8(bytes), at) << at;
    EXPECT_FALSE(is_utf8(bytes));
    // Behind plain text of every length, so in every place of a word.
    for (std::size_t before = 0; before <= plain.size(); ++before) {
      const auto text = plain.substr(0, before) + std::string(bytes);
      EXPECT_EQ(find_invalid_utf8(text), before + at) << before;
    }
  }
  for (const auto good : {""sv, "plain"sv, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"sv,
                          "\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF"sv, "\0x"sv}) {
    EXPECT_EQ(find_invalid_utf8(good), std::nullopt);
    EXPECT_TRUE(is_utf8(plain + std::string(good) + plain));
  }
}

TEST(Utf8, APrefixEndsBetweenCharacters) {
  EXPECT_EQ(utf8_prefix("a\xE2\x82\xAC", 3), "a");
  EXPECT_EQ(utf8_prefix("a\xE2\x82\xAC", 4), "a\xE2\x82\xAC");
  EXPECT_EQ(character_count("a\xE2\x82\xAC"), 2u);
}

}  // namespace
}  // namespace saola
