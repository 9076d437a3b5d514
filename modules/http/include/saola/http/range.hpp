// Byte ranges (RFC 9110 §14).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace saola::http {

struct ByteRange {
  std::uint64_t first = 0;   // offset in bytes
  std::uint64_t length = 0;  // bytes, > 0

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

struct RangeRequest {
  enum class Kind {
    kWhole,          // ignore the field: not bytes, malformed, or too many ranges
    kPartial,        // 206 with `ranges`, of which there is at least one
    kUnsatisfiable,  // 416
  };
  Kind kind = Kind::kWhole;
  std::vector<ByteRange> ranges;  // as asked, cut at the end of the content
};

// What a Range value asks of a content of `size` bytes.
RangeRequest parse_range(std::string_view value, std::uint64_t size);

// "bytes 0-9/100" and, for 416, "bytes */100".
std::string content_range(const ByteRange& range, std::uint64_t size);
std::string unsatisfied_content_range(std::uint64_t size);

}  // namespace saola::http
