#include "table/numbers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "table/quoted.hpp"

namespace saola::split {
namespace {

using namespace std::string_view_literals;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Decimal digits of other scripts: the code point of their zero.
constexpr std::array<std::uint32_t, 7> kZeros = {0x0660, 0x06F0, 0x0966, 0x09E6,
                                                 0x0E50, 0xFF10, 0x1D7CE};

// The ASCII character that means the same in a number; 0: none; '\x01': nothing, to be dropped.
char ascii_of(std::uint32_t code) {
  for (const auto zero : kZeros) {
    if (code >= zero && code < zero + 10) return static_cast<char>('0' + (code - zero));
  }
  switch (code) {
    case 0x00A0:
    case 0x1680:
    case 0x2000:
    case 0x2001:
    case 0x2002:
    case 0x2003:
    case 0x2004:
    case 0x2005:
    case 0x2006:
    case 0x2007:
    case 0x2008:
    case 0x2009:
    case 0x200A:
    case 0x202F:
    case 0x205F:
    case 0x3000:
      return ' ';
    case 0x00AD:
    case 0x200B:
    case 0x200E:
    case 0x200F:
    case 0x2060:
    case 0xFEFF:
    case 0x061C:
      return '\x01';
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2212:
    case 0xFE63:
    case 0xFF0D:
    case 0x207B:
      return '-';
    case 0xFF0B:
      return '+';
    case 0xFF0E:
      return '.';
    case 0xFF0C:
    case 0x066B:
      return ',';
    case 0x066C:
    case 0x2019:
    case 0x2018:
    case 0x00B4:
    case 0x02BC:
      return '\'';
    case 0xFF05:
    case 0x066A:
      return '%';
    case 0xFF08:
      return '(';
    case 0xFF09:
      return ')';
    default:
      return 0;
  }
}

// The next code point of valid UTF-8, and its length.
std::pair<std::uint32_t, std::size_t> code_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (at + length > text.size()) return {first, 1};
  std::uint32_t code = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) code = (code << 6) | (byte(i) & 0x3FU);
  return {code, length};
}

std::string to_ascii(std::string_view cell) {
  std::string out;
  out.reserve(cell.size());
  for (std::size_t i = 0; i < cell.size();) {
    const auto [code, length] = code_at(cell, i);
    const char same = code < 0x80 ? static_cast<char>(code) : ascii_of(code);
    if (same == 0) {
      out += cell.substr(i, length);
    } else if (same != '\x01') {
      out.push_back(same == '\t' ? ' ' : same);
    }
    i += length;
  }
  return out;
}

void trim(std::string_view& text) {
  const auto first = text.find_first_not_of(' ');
  if (first == text.npos) {
    text = {};
    return;
  }
  text = text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// Signs and codes of money; longer ones first. Those made of letters need no blank beside digits.
constexpr std::array kCurrencies = {
    "US$"sv, "CA$"sv, "AU$"sv, "NZ$"sv, "HK$"sv, "NT$"sv, "Rs."sv, "руб."sv, "руб"sv,
    "USD"sv, "EUR"sv, "GBP"sv, "JPY"sv, "CHF"sv, "CAD"sv, "AUD"sv, "NZD"sv,  "CNY"sv,
    "RMB"sv, "INR"sv, "BRL"sv, "MXN"sv, "SEK"sv, "NOK"sv, "DKK"sv, "PLN"sv,  "CZK"sv,
    "HUF"sv, "RON"sv, "RUB"sv, "TRY"sv, "ZAR"sv, "KRW"sv, "SGD"sv, "HKD"sv,  "THB"sv,
    "IDR"sv, "MYR"sv, "PHP"sv, "ILS"sv, "AED"sv, "SAR"sv, "Fr."sv, "kr."sv,  "R$"sv,
    "A$"sv,  "C$"sv,  "S$"sv,  "zł"sv,  "Kč"sv,  "Ft"sv,  "kr"sv,  "Rs"sv,   "Rp"sv,
    "лв"sv,  "$"sv,   "£"sv,   "¥"sv,   "¢"sv,   "￥"sv,  "＄"sv};

// The currency at the begin, or end, of the text; U+20A0 … U+20CF are all signs of money.
std::string_view currency_at(std::string_view text, bool front) {
  for (const auto sign : kCurrencies) {
    if (front ? text.starts_with(sign) : text.ends_with(sign)) return sign;
  }
  constexpr std::size_t kLength = 3;
  if (text.size() < kLength) return {};
  const auto three = front ? text.substr(0, kLength) : text.substr(text.size() - kLength);
  const auto [code, length] = code_at(three, 0);
  return length == kLength && code >= 0x20A0 && code <= 0x20CF ? three : std::string_view();
}

struct Scale {
  std::string_view word;
  double factor;
};
constexpr std::array kScales = {
    Scale{"k", 1e3},        Scale{"tsd", 1e3},      Scale{"thousand", 1e3}, Scale{"mio", 1e6},
    Scale{"mn", 1e6},       Scale{"mln", 1e6},      Scale{"million", 1e6},  Scale{"millions", 1e6},
    Scale{"b", 1e9},        Scale{"bn", 1e9},       Scale{"mrd", 1e9},      Scale{"billion", 1e9},
    Scale{"billions", 1e9}, Scale{"trillion", 1e12}};

// The factor a word of letters means. "M" is a million, "m" may be metres: the column decides.
std::optional<double> scale_of(std::string_view word) {
  if (word == "M") return 1e6;
  if (word == "T") return 1e12;
  std::string lower;
  for (const char c : word) lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  if (!lower.empty() && lower.back() == '.') lower.pop_back();
  for (const auto& scale : kScales) {
    if (scale.word == lower) return scale.factor;
  }
  return std::nullopt;
}

// Takes what stands before the digits. False: it cannot be a number.
bool take_front(std::string_view& text, WrittenNumber& out, bool& sign) {
  for (;;) {
    trim(text);
    if (text.empty()) return false;
    const char c = text.front();
    if (is_digit(c) || c == '.' || c == ',') return true;
    if (c == '-' || c == '+') {
      if (sign) return false;
      sign = true;
      out.negative = c == '-';
      text.remove_prefix(1);
    } else if (c == '(' && text.back() == ')') {
      if (sign) return false;
      sign = true;
      out.negative = true;
      text = text.substr(1, text.size() - 2);
    } else if (const auto money = currency_at(text, true); !money.empty() && out.currency.empty()) {
      out.currency = money;
      text.remove_prefix(money.size());
    } else {
      return false;
    }
  }
}

// Takes the word of letters (and "°", "µ", "²", "/") at the end; it follows a digit or a blank.
std::string_view last_word(std::string_view text) {
  auto begin = text.size();
  while (begin > 0 && !is_digit(text[begin - 1]) &&
         std::string_view(" ()%.,'+-").find(text[begin - 1]) == text.npos) {
    --begin;
  }
  return text.substr(begin);
}

// Takes what stands after the digits.
bool take_back(std::string_view& text, WrittenNumber& out, bool& sign) {
  constexpr std::size_t kLongestUnit = 10;
  for (;;) {
    trim(text);
    if (text.empty()) return false;
    const char c = text.back();
    if (is_digit(c)) return true;
    if ((c == '.' || c == ',') && text.size() > 1 && is_digit(text[text.size() - 2]) &&
        text.find_first_of(".,") == text.size() - 1) {
      return true;  // "5."
    }
    if (c == '%') {
      if (out.percent) return false;
      out.percent = true;
      text.remove_suffix(1);
    } else if (text.ends_with("‰")) {
      if (out.scale != 1) return false;
      out.scale = 1e-3;
      text.remove_suffix("‰"sv.size());
    } else if (c == '-' && !sign) {
      // "63-"; also "5.-" of prices without cents.
      sign = true;
      out.negative = true;
      text.remove_suffix(1);
      if (text.ends_with('.') || text.ends_with(',')) {
        out.negative = false;
        text.remove_suffix(1);
      }
    } else if (const auto money = currency_at(text, false);
               !money.empty() && out.currency.empty()) {
      out.currency = money;
      text.remove_suffix(money.size());
    } else {
      auto word = last_word(text);
      if (word.empty() && c == '.') {  // "5 Mio."
        word = last_word(text.substr(0, text.size() - 1));
        if (!scale_of(word)) return false;
        text.remove_suffix(1);
      }
      if (word.empty() || word.size() > kLongestUnit || word.size() == text.size()) return false;
      if (const auto factor = scale_of(word); factor && out.scale == 1) {
        out.scale = *factor;
      } else if (out.unit.empty()) {
        out.unit = word;
      } else {
        return false;
      }
      text.remove_suffix(word.size());
      if (word.size() == 1 && is_letter(word[0]) && is_digit(text.back())) out.letter = word[0];
    }
  }
}

// Groups of thousands: 1-3 digits, then threes; or India's 1-2, twos and a last three.
bool good_groups(const std::vector<std::size_t>& groups, char first_digit) {
  if (groups.size() < 2) return true;
  if (groups.front() < 1 || groups.front() > 3 || groups.back() != 3 || first_digit == '0') {
    return false;
  }
  const auto middle = [&](std::size_t length) {
    return std::all_of(groups.begin() + 1, groups.end() - 1,
                       [&](std::size_t g) { return g == length; });
  };
  return middle(3) || (groups.size() > 2 && groups.front() <= 2 && middle(2));
}

std::size_t family(char decimal) {
  return decimal == '.' ? 0 : 1;
}

}  // namespace

std::optional<WrittenNumber> take_apart(std::string_view cell) {
  constexpr std::size_t kLongest = 64;
  if (cell.size() > kLongest) return std::nullopt;
  const auto ascii = to_ascii(cell);
  std::string_view text = ascii;
  WrittenNumber out;
  bool sign = false;
  if (!take_front(text, out, sign) || !take_back(text, out, sign)) return std::nullopt;
  const bool good = std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || "., '+-eE"sv.find(c) != std::string_view::npos;
  });
  if (!good) return std::nullopt;
  out.core = text;
  return out;
}

std::optional<double> parse_core(std::string_view core, char decimal,
                                 const std::optional<char>& thousands) {
  std::string plain;
  std::vector<std::size_t> groups = {0};
  char separator = 0;
  std::size_t i = 0;
  for (; i < core.size(); ++i) {
    const char c = core[i];
    if (is_digit(c)) {
      plain.push_back(c);
      ++groups.back();
      continue;
    }
    if (c == decimal || c == 'e' || c == 'E') break;
    const bool allowed =
        thousands ? c == *thousands : c == ',' || c == '.' || c == ' ' || c == '\'';
    if (!allowed || (separator != 0 && c != separator)) return std::nullopt;
    separator = c;
    groups.push_back(0);
  }
  if (!good_groups(groups, plain.empty() ? '1' : plain.front())) return std::nullopt;
  std::size_t digits = plain.size();
  if (i < core.size() && core[i] == decimal) {
    plain.push_back('.');
    for (++i; i < core.size() && is_digit(core[i]); ++i, ++digits) plain.push_back(core[i]);
  }
  if (digits == 0) return std::nullopt;
  if (i < core.size()) {
    if ((core[i] != 'e' && core[i] != 'E') || separator != 0) return std::nullopt;
    std::string_view exponent = core.substr(i + 1);
    if (exponent.starts_with('+')) exponent.remove_prefix(1);
    const auto figures = exponent.substr(exponent.starts_with('-') ? 1 : 0);
    if (figures.empty() || !std::all_of(figures.begin(), figures.end(), is_digit)) {
      return std::nullopt;
    }
    plain.push_back('e');
    plain += exponent;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (error == std::errc::result_out_of_range) {
    return plain.find("e-") != plain.npos ? 0.0 : std::numeric_limits<double>::infinity();
  }
  if (error != std::errc() || end != plain.data() + plain.size()) return std::nullopt;
  return value;
}

bool is_date(std::string_view cell) {
  const auto ascii = to_ascii(cell);
  std::string_view text = ascii;
  trim(text);
  // Up to a time of day.
  auto day = text.substr(0, text.find_first_of(" T"));
  if (day.empty() || day.find_first_not_of("0123456789-/.:") != day.npos) return false;
  std::vector<std::size_t> parts = {0};
  char separator = 0;
  for (const char c : day) {
    if (is_digit(c)) {
      ++parts.back();
    } else if (separator == 0 || c == separator) {
      separator = c;
      parts.push_back(0);
    } else {
      return false;
    }
  }
  if (std::find(parts.begin(), parts.end(), 0) != parts.end()) return false;
  const auto year = [](std::size_t length) { return length == 4; };
  const auto small = [](std::size_t length) { return length <= 2; };
  if (separator == ':') return parts.size() >= 2 && std::all_of(parts.begin(), parts.end(), small);
  if (parts.size() == 3) {
    return (year(parts[0]) && small(parts[1]) && small(parts[2])) ||
           (small(parts[0]) && small(parts[1]) && (year(parts[2]) || parts[2] == 2));
  }
  return parts.size() == 2 && separator != '.' &&
         ((year(parts[0]) && parts[1] == 2) || (parts[0] <= 2 && year(parts[1])));
}

bool looks_numeric(std::string_view cell) {
  const auto text = to_ascii(cell);
  std::size_t digits = 0;
  std::size_t others = 0;
  std::size_t between = 0;  // separators of dates, ranges and times between two digits
  std::size_t dots = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_digit(c)) {
      ++digits;
    } else if (c != ' ') {
      ++others;
      if (is_letter(c) || static_cast<unsigned char>(c) >= 0x80) return false;
      const bool inside =
          i > 0 && i + 1 < text.size() && is_digit(text[i - 1]) && is_digit(text[i + 1]);
      if (inside && (c == '-' || c == '/' || c == ':')) ++between;
      if (inside && c == '.') ++dots;
    }
  }
  return digits > 0 && digits >= others && between == 0 && dots < 2;
}

void NumberStyle::add(std::string_view cell, std::size_t row) {
  ++cells_;
  const auto written = take_apart(cell);
  std::optional<double> values[2];
  if (written) {
    const auto allowed = options_.thousands;
    values[0] = parse_core(written->core, '.', allowed);
    values[1] = parse_core(written->core, ',', allowed);
    if (options_.decimal) values[1 - family(*options_.decimal)].reset();
  }
  for (std::size_t f = 0; f < 2; ++f) {
    if (!values[f] && !first_fault_[f]) first_fault_[f] = row;
  }
  if (!values[0] && !values[1]) {
    if (is_date(cell)) {
      ++dates_;
    } else if (looks_numeric(written ? std::string_view(written->core) : cell)) {
      ++looks_;
    }
    return;
  }
  ++parsed_;
  if (values[0] && values[1]) {
    if (*values[0] != *values[1]) ++ambiguous_;
  } else {
    ++needs_[values[0] ? 0 : 1];
  }
  const bool zero = values[0].value_or(0) == 0 && values[1].value_or(0) == 0;
  if (written->percent) {
    percent_.add(row);
  } else if (!zero) {
    no_percent_.add(row);
  }
  if (written->scale != 1) scaled_.add(row);
  if (written->letter != 0) letters_.insert(written->letter);
  if (!written->currency.empty()) currencies_[written->currency].add(row);
  if (!written->unit.empty() || !zero) units_[written->unit].add(row);
  for (const char c : written->core) {
    if (c == ',' || c == '.' || c == ' ' || c == '\'') ++separators_[c];
  }
}

// "1.2m" beside "300k" or numbers without a unit is a million, not a metre.
bool NumberStyle::million_by_m() const {
  const auto metres = units_.find("m");
  if (metres == units_.end()) return false;
  return units_.size() <= 2 && (scaled_.count > 0 || !currencies_.empty()) &&
         (units_.size() == 1 || units_.contains(""));
}

bool NumberStyle::codes() const {
  static constexpr std::string_view kScaleLetters = "kKmMbBT";
  return letters_.size() > 1 && std::any_of(letters_.begin(), letters_.end(), [](char c) {
           return kScaleLetters.find(c) == std::string_view::npos;
         });
}

char NumberStyle::decimal(char favoured) const {
  if (options_.decimal) return *options_.decimal;
  if (needs_[0] != needs_[1]) return needs_[0] > needs_[1] ? '.' : ',';
  return favoured;
}

std::optional<NumberStyle::Fault> NumberStyle::fault(char decimal) const {
  if (const auto row = first_fault_[family(decimal)]) return Fault{*row, ""};
  if (percent_.count > 0 && no_percent_.count > 0 && !options_.percent) {
    return Fault{percent_.count < no_percent_.count ? percent_.first : no_percent_.first,
                 "the column mixes numbers with and without a percent sign; say in 'percent' "
                 "whether 4% is 0.04 (fraction) or 4 (points)"};
  }
  if (currencies_.size() > 1) {
    const auto& a = *currencies_.begin();
    const auto& b = *std::next(currencies_.begin());
    return Fault{std::max(a.second.first, b.second.first),
                 fmt::format("the column mixes the currencies {} and {}; convert them to one",
                             quoted(a.first), quoted(b.first))};
  }
  if (units_.size() > 1 && !million_by_m()) {
    const auto& a = *units_.begin();
    const auto& b = *std::next(units_.begin());
    const auto named = [](const std::string& unit) {
      return unit.empty() ? std::string("numbers without a unit") : quoted(unit);
    };
    return Fault{std::max(a.second.first, b.second.first),
                 fmt::format("the column mixes {} and {}; convert them to one unit", named(a.first),
                             named(b.first))};
  }
  return std::nullopt;
}

double NumberStyle::value(std::string_view cell, char decimal) const {
  const auto written = take_apart(cell);
  if (!written) return std::numeric_limits<double>::quiet_NaN();
  double value = parse_core(written->core, decimal, options_.thousands)
                     .value_or(std::numeric_limits<double>::quiet_NaN());
  // Division by a power of ten is correctly rounded, multiplication by its inverse is not.
  if (written->percent && options_.percent.value_or(Percent::kFraction) == Percent::kFraction) {
    value /= 100;
  }
  if (written->scale < 1) {
    value /= 1 / written->scale;
  } else {
    value *= written->scale;
  }
  if (written->unit == "m" && million_by_m()) value *= 1e6;
  return written->negative ? -value : value;
}

std::string NumberStyle::describe(char decimal) const {
  std::string out;
  const auto say = [&](const std::string& what) { out += (out.empty() ? "" : ", ") + what; };
  for (const auto& [separator, count] : separators_) {
    if (separator == decimal) {
      if (decimal == ',') say("decimal ','");
    } else {
      say(separator == ' ' ? "thousands apart by blanks"
                           : fmt::format("thousands '{}'", separator));
    }
  }
  for (const auto& [currency, mark] : currencies_)
    say(fmt::format("currency {}", quoted(currency)));
  if (percent_.count > 0) {
    say(options_.percent.value_or(Percent::kFraction) == Percent::kFraction ? "percent as fractions"
                                                                            : "percent as points");
  }
  for (const auto& [unit, mark] : units_) {
    if (!unit.empty() && !million_by_m()) say(fmt::format("unit {}", quoted(unit)));
  }
  if (scaled_.count > 0 || million_by_m()) say("scaled by letters such as K, M or ‰");
  return out;
}

}  // namespace saola::split
