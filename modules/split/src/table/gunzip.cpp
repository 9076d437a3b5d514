#include "table/gunzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace saola::split {

bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b");
}

Result<std::string> gunzip(std::string_view bytes, std::uint64_t max_bytes) {
  z_stream stream{};
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) {
    return fail(ErrorCode::kResourceExhausted, "no memory to decompress gzip");
  }
  struct End {
    z_stream* stream;
    ~End() { inflateEnd(stream); }
  } const end{&stream};

  std::string out;
  // The file's end says how much it holds (RFC 1952; of its last member, modulo 4 GiB), so that memory
  // for one copy is enough; one that lies only costs time. Deflate makes at most 1032 bytes of one.
  constexpr std::uint64_t kMostOfAByte = 1032;
  std::uint32_t said = 0;
  if (bytes.size() >= sizeof said) {
    std::memcpy(&said, bytes.data() + bytes.size() - sizeof said, sizeof said);
  }
  out.resize(std::min<std::uint64_t>(
      {std::uint64_t{said} + 1, max_bytes + 1, std::uint64_t{bytes.size()} * kMostOfAByte}));
  std::size_t in_used = 0;
  std::size_t out_used = 0;
  for (;;) {
    constexpr std::size_t kChunk = std::size_t{1} << 30;
    if (out_used == out.size()) {
      if (out_used > max_bytes) {
        return fail(ErrorCode::kTooLarge,
                    "the gzip file holds more than {} bytes, the limit for a data set", max_bytes);
      }
      out.resize(
          std::min<std::uint64_t>(std::max<std::uint64_t>(out.size() * 2, 1024), max_bytes + 1));
    }
    const auto in_now = std::min(bytes.size() - in_used, kChunk);
    const auto out_now = std::min(out.size() - out_used, kChunk);
    // zlib reads through this pointer only; its type predates const.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + in_used));
    stream.avail_in = static_cast<uInt>(in_now);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + out_used);
    stream.avail_out = static_cast<uInt>(out_now);
    const int status = inflate(&stream, Z_NO_FLUSH);
    in_used += in_now - stream.avail_in;
    out_used += out_now - stream.avail_out;
    if (status == Z_STREAM_END) {
      const auto rest = bytes.substr(in_used);
      // Zeros after the last member are padding, as gzip(1) has it.
      if (rest.find_first_not_of('\0') == std::string_view::npos) break;
      if (!is_gzip(rest)) {
        return fail(ErrorCode::kDataCorrupt,
                    "byte {} of the gzip file starts something that is not gzip; compress the file "
                    "again",
                    in_used);
      }
      inflateReset(&stream);
      continue;
    }
    if (status == Z_OK) continue;
    if (status == Z_BUF_ERROR && in_used == bytes.size() && out_used < out.size()) {
      return fail(ErrorCode::kDataCorrupt,
                  "the gzip file is cut short after {} bytes; upload it again", bytes.size());
    }
    if (status == Z_BUF_ERROR) continue;
    if (status == Z_MEM_ERROR) {
      return fail(ErrorCode::kResourceExhausted, "no memory to decompress gzip");
    }
    return fail(ErrorCode::kDataCorrupt,
                "the gzip file is damaged near byte {} ({}); upload it again", in_used,
                stream.msg != nullptr ? stream.msg : "bad data");
  }
  if (out_used > max_bytes) {
    return fail(ErrorCode::kTooLarge,
                "the gzip file holds more than {} bytes, the limit for a data set", max_bytes);
  }
  out.resize(out_used);
  return out;
}

}  // namespace saola::split
