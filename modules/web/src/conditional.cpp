// Conditional requests (RFC 9110 §13) and ranges (§14).
#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/core.h>

#include <saola/http/problem.hpp>
#include <saola/web/files.hpp>

#include "http_date.hpp"

namespace saola::web {
namespace {

bool is_weak(std::string_view tag) {
  return tag.starts_with("W/");
}

// §8.8.3.2. Strong: both are strong and the same; weak: the same but for "W/".
bool same_tag(std::string_view a, std::string_view b, bool strong) {
  if (strong) return !is_weak(a) && a == b;
  if (is_weak(a)) a.remove_prefix(2);
  if (is_weak(b)) b.remove_prefix(2);
  return a == b;
}

// Whether `tag` is in the list `field`, or the field is "*". Entity tags may hold commas.
bool list_has_tag(std::string_view field, std::string_view tag, bool strong) {
  if (http::trim(field) == "*") return true;
  while (true) {
    const auto open = field.find('"');
    if (open == std::string_view::npos) return false;
    const auto close = field.find('"', open + 1);
    if (close == std::string_view::npos) return false;
    const std::size_t begin = open >= 2 && field.substr(open - 2, 2) == "W/" ? open - 2 : open;
    if (!tag.empty() && same_tag(field.substr(begin, close + 1 - begin), tag, strong)) return true;
    field.remove_prefix(close + 1);
  }
}

enum class Verdict { kGoOn, kNotModified, kFailed };

// §13.2.2, for GET and HEAD of something that exists.
Verdict evaluate(const http::HeaderView& asked, std::string_view tag,
                 std::optional<std::int64_t> modified) {
  const auto since = [&](std::string_view name) -> std::optional<std::int64_t> {
    const auto field = asked.get(name);
    return field ? parse_http_date(*field) : std::nullopt;
  };
  if (asked.contains("If-Match")) {
    if (!list_has_tag(asked.joined("If-Match"), tag, true)) return Verdict::kFailed;
  } else if (const auto limit = since("If-Unmodified-Since"); limit && modified) {
    if (*modified > *limit) return Verdict::kFailed;
  }
  if (asked.contains("If-None-Match")) {
    if (list_has_tag(asked.joined("If-None-Match"), tag, false)) return Verdict::kNotModified;
  } else if (const auto limit = since("If-Modified-Since"); limit && modified) {
    if (*modified <= *limit) return Verdict::kNotModified;
  }
  return Verdict::kGoOn;
}

// §13.1.5: a range is only of use while the thing is the one the client has.
bool range_still_holds(const http::HeaderView& asked, std::string_view tag,
                       std::optional<std::int64_t> modified) {
  const auto field = asked.get("If-Range");
  if (!field) return true;
  if (field->contains('"')) return same_tag(*field, tag, true);
  const auto date = parse_http_date(*field);
  return date && modified && *date == *modified;
}

struct Range {
  std::uint64_t first;
  std::uint64_t last;  // inclusive
};

enum class RangeKind { kNone, kOne, kUnsatisfiable };

bool parse_digits(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc::result_out_of_range) out = ~std::uint64_t{0};
  return end == text.data() + text.size() && error != std::errc::invalid_argument;
}

// A field this server does not understand, or with several ranges, is ignored (§14.2).
RangeKind parse_range(std::string_view field, std::uint64_t size, Range& out) {
  if (field.size() < 6 || !http::iequals(field.substr(0, 6), "bytes=")) return RangeKind::kNone;
  const std::string_view spec = http::trim(field.substr(6));
  const auto dash = spec.find('-');
  if (spec.contains(',') || dash == std::string_view::npos) return RangeKind::kNone;
  const std::string_view from = spec.substr(0, dash);
  const std::string_view to = spec.substr(dash + 1);
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  if (from.empty()) {  // the last so many bytes
    if (!parse_digits(to, last)) return RangeKind::kNone;
    if (last == 0 || size == 0) return RangeKind::kUnsatisfiable;
    out = {size - std::min(last, size), size - 1};
    return RangeKind::kOne;
  }
  if (!parse_digits(from, first)) return RangeKind::kNone;
  if (to.empty()) {
    last = ~std::uint64_t{0};
  } else if (!parse_digits(to, last) || last < first) {
    return RangeKind::kNone;
  }
  if (first >= size) return RangeKind::kUnsatisfiable;
  out = {first, std::min(last, size - 1)};
  return RangeKind::kOne;
}

std::optional<std::uint64_t> size_of(const http::Body& body) {
  if (const auto* text = std::get_if<std::string>(&body)) return text->size();
  if (const auto* shared = std::get_if<std::shared_ptr<const std::string>>(&body)) {
    return (*shared)->size();
  }
  if (const auto* file = std::get_if<http::FileBody>(&body)) return file->length;
  return std::nullopt;
}

void cut(http::Body& body, const Range& range) {
  const std::uint64_t length = range.last - range.first + 1;
  if (auto* text = std::get_if<std::string>(&body)) {
    body = text->substr(range.first, length);
  } else if (auto* shared = std::get_if<std::shared_ptr<const std::string>>(&body)) {
    body = (*shared)->substr(range.first, length);
  } else if (auto* file = std::get_if<http::FileBody>(&body)) {
    file->offset += range.first;
    file->length = length;
  }
}

}  // namespace

http::Response make_conditional(const http::Request& request, http::Response response) {
  const bool reads = request.method == http::Method::kGet || request.method == http::Method::kHead;
  const auto size = size_of(response.body);
  if (!reads || response.status != 200 || !size) return response;

  const std::string tag(response.headers.get_or("ETag", ""));
  const auto modified = parse_http_date(response.headers.get_or("Last-Modified", ""));
  const http::HeaderView& asked = request.headers;
  switch (evaluate(asked, tag, modified)) {
    case Verdict::kNotModified:
      response.status = 304;
      response.headers.remove("Content-Type");
      response.body = std::monostate();
      return response;
    case Verdict::kFailed:
      return http::problem_response(
          {.status = 412,
           .detail =
               "What the request is about has changed since the client read it. Read it again."});
    case Verdict::kGoOn:
      break;
  }
  response.headers.set_default("Accept-Ranges", "bytes");
  const auto range_field = asked.get("Range");
  // §14.2: ranges are for GET only.
  if (!range_field || request.method != http::Method::kGet ||
      !range_still_holds(asked, tag, modified)) {
    return response;
  }
  Range range{};
  switch (parse_range(*range_field, *size, range)) {
    case RangeKind::kNone:
      return response;
    case RangeKind::kUnsatisfiable: {
      http::Response refused = http::problem_response(
          {.status = 416,
           .detail = fmt::format("The range begins after the end: there are {} bytes.", *size)});
      refused.headers.add("Content-Range", fmt::format("bytes */{}", *size));
      return refused;
    }
    case RangeKind::kOne:
      break;
  }
  response.status = 206;
  response.headers.add("Content-Range",
                       fmt::format("bytes {}-{}/{}", range.first, range.last, *size));
  cut(response.body, range);
  return response;
}

}  // namespace saola::web
