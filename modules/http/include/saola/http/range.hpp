// Byte ranges (RFC 9110 §14).
//
//   const RangeRequest asked = parse_range("bytes=0-99,-1", 1000);
//   // kPartial: {0, 100} and {999, 1}
//   if (asked.kind == RangeRequest::Kind::kPartial && asked.ranges.size() == 1)
//     response.headers.set("Content-Range", content_range(asked.ranges[0], 1000));
//
// conditional.hpp has the whole answer to a request for a file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace saola::http {

// Some bytes of a content.
struct ByteRange {
  std::uint64_t first = 0;   // offset in bytes
  std::uint64_t length = 0;  // bytes, > 0

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// What a client wants of a content.
struct RangeRequest {
  enum class Kind {
    kWhole,          // ignore the field: not bytes, malformed, or too many ranges
    kPartial,        // 206 with `ranges`, of which there is at least one
    kUnsatisfiable,  // 416
  };
  Kind kind = Kind::kWhole;
  std::vector<ByteRange> ranges;  // as asked, cut at the end of the content
};

// What a Range value asks of a content of `size` bytes. Ranges beyond the end are left out; when
// that leaves none it is kUnsatisfiable. kWhole for another unit, a malformed value or more than 16
// ranges, for the RFC lets a server ignore the field. Ranges may overlap, in any order.
RangeRequest parse_range(std::string_view value, std::uint64_t size);

// "bytes 0-9/100" and, for 416, "bytes */100".
std::string content_range(const ByteRange& range, std::uint64_t size);
std::string unsatisfied_content_range(std::uint64_t size);

}  // namespace saola::http
