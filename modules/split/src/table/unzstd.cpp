#include "table/unzstd.hpp"

#include <zstd.h>

#include <algorithm>
#include <memory>

namespace saola::split {

bool is_zstd(std::string_view bytes) {
  return bytes.starts_with("\x28\xB5\x2F\xFD");
}

Result<std::string> unzstd(std::string_view bytes, std::uint64_t max_bytes) {
  const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(),
                                                                          &ZSTD_freeDStream);
  if (!stream) return fail(ErrorCode::kResourceExhausted, "no memory to decompress zstd");
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::string out;
  std::size_t used = 0;
  std::size_t expected = 1;
  // Until all frames are read and flushed.
  while (in.pos < in.size || expected != 0) {
    if (used == out.size()) {
      if (used > max_bytes) {
        return fail(ErrorCode::kTooLarge,
                    "the zstd file holds more than {} bytes, the limit for a data set", max_bytes);
      }
      out.resize(
          std::min<std::uint64_t>(std::max<std::uint64_t>(out.size() * 2, 1 << 16), max_bytes + 1));
    }
    ZSTD_outBuffer to{out.data(), out.size(), used};
    const auto before_in = in.pos;
    expected = ZSTD_decompressStream(stream.get(), &to, &in);
    if (ZSTD_isError(expected)) {
      return fail(ErrorCode::kDataCorrupt,
                  "the zstd file is damaged near byte {} ({}); upload it again", in.pos,
                  ZSTD_getErrorName(expected));
    }
    if (expected != 0 && in.pos == in.size && to.pos == used && before_in == in.pos) {
      return fail(ErrorCode::kDataCorrupt,
                  "the zstd file is cut short after {} bytes; upload it again", bytes.size());
    }
    used = to.pos;
  }
  if (used > max_bytes) {
    return fail(ErrorCode::kTooLarge,
                "the zstd file holds more than {} bytes, the limit for a data set", max_bytes);
  }
  out.resize(used);
  return out;
}

}  // namespace saola::split
