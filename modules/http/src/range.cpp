#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include <saola/http/headers.hpp>
#include <saola/http/range.hpp>

#include "field_line.hpp"
#include "list.hpp"

namespace saola::http {
namespace {

// Many small ranges are a way to make a server work (RFC 9110 §14.2); the whole is sent instead.
constexpr std::size_t kMostRanges = 16;

// Digits as a number; too many of them are a very large one.
std::uint64_t number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return result.ec == std::errc() ? value : UINT64_MAX;
}

}  // namespace

RangeRequest parse_range(std::string_view value, std::uint64_t size) {
  const auto equals = value.find('=');
  if (equals == std::string_view::npos || !iequals(value.substr(0, equals), "bytes")) return {};
  value.remove_prefix(equals + 1);
  std::vector<ByteRange> ranges;
  std::size_t asked = 0;
  while (!value.empty()) {
    const std::string_view spec = take_part(value, ',');
    if (spec.empty()) continue;
    if (++asked > kMostRanges) return {};
    const auto dash = spec.find('-');
    if (dash == std::string_view::npos) return {};
    const std::string_view first = spec.substr(0, dash);
    const std::string_view last = spec.substr(dash + 1);
    if ((!first.empty() && !is_digits(first)) || (!last.empty() && !is_digits(last)) ||
        (first.empty() && last.empty())) {
      return {};
    }
    if (first.empty()) {
      const std::uint64_t length = std::min(number(last), size);
      if (length > 0) ranges.push_back({size - length, length});
      continue;
    }
    const std::uint64_t from = number(first);
    const std::uint64_t to = last.empty() ? UINT64_MAX : number(last);
    if (to < from) return {};
    if (from < size) ranges.push_back({from, std::min(to, size - 1) - from + 1});
  }
  if (asked == 0) return {};
  if (ranges.empty()) return {RangeRequest::Kind::kUnsatisfiable, {}};
  return {RangeRequest::Kind::kPartial, std::move(ranges)};
}

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return fmt::format("bytes {}-{}/{}", range.first, range.first + range.length - 1, size);
}

std::string unsatisfied_content_range(std::uint64_t size) {
  return fmt::format("bytes */{}", size);
}

}  // namespace saola::http
