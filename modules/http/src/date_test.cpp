#include <gtest/gtest.h>

#include <saola/http/date.hpp>

namespace saola::http {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr sys_seconds kExample{seconds(784111777)};
constexpr sys_seconds kNow{seconds(1764000000)};  // 2025

TEST(Date, TheExamplesOfTheRfc) {
  EXPECT_EQ(format_http_date(kExample), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow), kExample);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow), kExample);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", kNow), kExample);
}

TEST(Date, FormatAndParseAgree) {
  for (std::int64_t s = -2000000000; s < 20000000000; s += 86400 * 97 + 3607) {
    const sys_seconds time{seconds(s)};
    ASSERT_EQ(parse_http_date(format_http_date(time), kNow), time) << s;
  }
}

TEST(Date, TwoDigitYearIsNearNow) {
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-75 08:49:37 GMT", kNow),
            parse_http_date("Wed, 06 Nov 2075 08:49:37 GMT", kNow));
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-76 08:49:37 GMT", kNow),
            parse_http_date("Sat, 06 Nov 1976 08:49:37 GMT", kNow));
}

TEST(Date, RefusesWhatIsNoDate) {
  for (const std::string_view text :
       {"", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT", "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 GMTx", "784111777"}) {
    EXPECT_EQ(parse_http_date(text, kNow), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace saola::http
