#include "table/csv_scanner.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>

#include <saola/split/read.hpp>

namespace saola::split {
namespace {

// Powers of ten that a double holds exactly.
constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

constexpr std::array<bool, 256> make_stops() {
  std::array<bool, 256> stops{};
  for (const char c : {'\n', '\r', '"'}) stops[static_cast<unsigned char>(c)] = true;
  return stops;
}
constexpr std::array<bool, 256> kStops = make_stops();

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::string Field::text() const {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    out.push_back(raw[i]);
    if (quoted && raw[i] == '"') ++i;
  }
  return out;
}

FieldEnd CsvScanner::fault(std::string_view error, const char* where) {
  error_ = error;
  next_ = where;
  return FieldEnd::kError;
}

// After a field: a comma, a line end or the end of the input.
FieldEnd CsvScanner::finish() {
  if (next_ == end_) return FieldEnd::kRecord;
  if (*next_ == delimiter_) {
    ++next_;
    // "a," at the end of the input has an empty last field; next() reads it.
    return FieldEnd::kComma;
  }
  if (*next_ == '\n') {
    ++next_;
    return FieldEnd::kRecord;
  }
  if (*next_ == '\r') {
    if (next_ + 1 == end_ || next_[1] == '\n') {
      next_ += next_ + 1 == end_ ? 1 : 2;
      return FieldEnd::kRecord;
    }
    return fault("a carriage return without a line feed; end lines with LF or CRLF", next_);
  }
  return fault("text after the closing quote; double every quote inside a quoted field", next_);
}

FieldEnd CsvScanner::next_quoted(Field& field) {
  const char* const open = next_;
  const char* p = open + 1;
  for (;;) {
    p = static_cast<const char*>(std::memchr(p, '"', static_cast<std::size_t>(end_ - p)));
    if (p == nullptr) return fault("a quoted field that is never closed", open);
    if (p + 1 == end_ || p[1] != '"') break;
    p += 2;
  }
  field = {std::string_view(open + 1, static_cast<std::size_t>(p - open - 1)), true};
  next_ = p + 1;
  return finish();
}

FieldEnd CsvScanner::next(Field& field) {
  if (next_ != end_ && *next_ == '"') return next_quoted(field);
  const char* p = next_;
  while (p != end_ && *p != delimiter_ && !kStops[static_cast<unsigned char>(*p)]) ++p;
  if (p != end_ && *p == '"') {
    return fault("a quote inside an unquoted field; quote the whole field and double the quote", p);
  }
  field = {std::string_view(next_, static_cast<std::size_t>(p - next_)), false};
  next_ = p;
  return finish();
}

bool CsvScanner::next_number(double& value, int& decimals, FieldEnd& field_end) {
  const char* p = next_;
  if (p == end_) return false;
  const bool negative = *p == '-';
  if (negative) ++p;
  std::uint64_t digits = 0;
  const char* const first = p;
  for (; p != end_ && is_digit(*p); ++p) digits = digits * 10 + static_cast<unsigned>(*p - '0');
  auto count = p - first;
  decimals = -1;
  if (p != end_ && *p == '.') {
    const char* const point = ++p;
    for (; p != end_ && is_digit(*p); ++p) digits = digits * 10 + static_cast<unsigned>(*p - '0');
    decimals = static_cast<int>(p - point);
    count += decimals;
  }
  // Up to 2^53 and 10^22 both are exact, so the quotient is the correctly rounded number.
  if (count == 0 || count > 19 || digits > (std::uint64_t{1} << 53)) return false;
  const char* const after = p;
  if (after != end_ && *after != delimiter_ && *after != '\n' && *after != '\r') return false;
  const double magnitude =
      static_cast<double>(digits) / kPowersOfTen[static_cast<std::size_t>(std::max(decimals, 0))];
  value = negative ? -magnitude : magnitude;
  next_ = after;
  field_end = finish();
  return true;
}

bool parse_number(std::string_view text, double& value) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return false;
  text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
  if (text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || text.front() == '-' || text.front() == '+') return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return false;
  if (error == std::errc::result_out_of_range) {
    const auto exponent = text.find_first_of("eE");
    const bool tiny = exponent != std::string_view::npos && exponent + 1 < text.size() &&
                      text[exponent + 1] == '-';
    value = tiny ? 0.0 : std::numeric_limits<double>::infinity();
    return true;
  }
  // "nan" is a missing value, which the caller has looked for already; "nan(…)" is text.
  return error == std::errc() && value == value;
}

void append_csv_field(std::string& out, std::string_view field) {
  const bool quote = field.find_first_of(",\"\r\n") != std::string_view::npos ||
                     (!field.empty() && (field.front() == ' ' || field.front() == '\t' ||
                                         field.back() == ' ' || field.back() == '\t'));
  if (!quote) {
    out += field;
    return;
  }
  out.push_back('"');
  for (const char c : field) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

}  // namespace saola::split
