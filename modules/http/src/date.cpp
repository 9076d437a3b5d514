#include <algorithm>
#include <array>
#include <cstdlib>

#include <fmt/core.h>

#include <saola/http/date.hpp>

#include "field_line.hpp"

namespace saola::http {
namespace {

using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Takes parts off the front of a date; one that is missing makes the whole thing fail.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool literal(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  // Exactly `width` digits.
  bool number(std::size_t width, int& value) {
    if (rest_.size() < width || !is_digits(rest_.substr(0, width))) return false;
    value = 0;
    for (char c : rest_.substr(0, width)) value = value * 10 + (c - '0');
    rest_.remove_prefix(width);
    return true;
  }
  // The index of the name (cut to `width` letters unless 0) that comes next.
  template <std::size_t N>
  bool name(const std::array<std::string_view, N>& names, std::size_t width, int& index) {
    for (std::size_t i = 0; i < N; ++i) {
      if (!literal(width == 0 ? names[i] : names[i].substr(0, width))) continue;
      index = static_cast<int>(i);
      return true;
    }
    return false;
  }
  bool time(int& hour, int& minute, int& second) {
    return number(2, hour) && literal(":") && number(2, minute) && literal(":") &&
           number(2, second);
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace

std::string format_http_date(sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format(
      "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
      kDays[std::chrono::weekday(day).c_encoding()].substr(0, 3), static_cast<unsigned>(date.day()),
      kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
      clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::optional<sys_seconds> parse_http_date(std::string_view text, sys_seconds now) {
  int weekday = 0, day = 0, month = 0, year = 0, hour = 0, minute = 0, second = 0;
  bool two_digits = false;
  const auto imf_fixdate = [&] {
    Scanner s(text);
    return s.name(kDays, 3, weekday) && s.literal(", ") && s.number(2, day) && s.literal(" ") &&
           s.name(kMonths, 0, month) && s.literal(" ") && s.number(4, year) && s.literal(" ") &&
           s.time(hour, minute, second) && s.literal(" GMT") && s.at_end();
  };
  const auto rfc850 = [&] {
    Scanner s(text);
    return s.name(kDays, 0, weekday) && s.literal(", ") && s.number(2, day) && s.literal("-") &&
           s.name(kMonths, 0, month) && s.literal("-") && s.number(2, year) && s.literal(" ") &&
           s.time(hour, minute, second) && s.literal(" GMT") && s.at_end();
  };
  const auto asctime = [&] {
    Scanner s(text);
    return s.name(kDays, 3, weekday) && s.literal(" ") && s.name(kMonths, 0, month) &&
           s.literal(" ") && (s.literal(" ") ? s.number(1, day) : s.number(2, day)) &&
           s.literal(" ") && s.time(hour, minute, second) && s.literal(" ") && s.number(4, year) &&
           s.at_end();
  };
  if (!imf_fixdate()) {
    two_digits = rfc850();
    if (!two_digits && !asctime()) return std::nullopt;
  }
  if (two_digits) {
    const int this_year = static_cast<int>(
        std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(now)).year());
    year += this_year - this_year % 100;
    if (year > this_year + 50) year -= 100;
    if (year <= this_year - 50) year += 100;
  }
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month + 1)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  // 60 is a leap second.
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace saola::http
