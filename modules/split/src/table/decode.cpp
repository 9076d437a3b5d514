#include "table/decode.hpp"

#include <iconv.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <saola/base/text.hpp>

#include "table/quoted.hpp"

namespace saola::split {
namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";
constexpr std::string_view kLittleMark = "\xFF\xFE";
constexpr std::string_view kBigMark = "\xFE\xFF";

std::size_t line_of(std::string_view bytes, std::size_t offset) {
  const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
  return static_cast<std::size_t>(std::count(bytes.begin(), end, '\n')) + 1;
}

// The usual names people write, as iconv and messages know them.
std::string canonical(std::string_view name) {
  std::string lower;
  for (const char c : name) lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  if (lower == "utf8" || lower == "utf-8-sig") return "utf-8";
  if (lower == "latin1" || lower == "latin-1") return "iso-8859-1";
  if (lower == "cp1252" || lower == "ansi") return "windows-1252";
  if (lower == "utf16") return "utf-16";
  return lower;
}

class Converter {
 public:
  explicit Converter(const std::string& from) : handle_(iconv_open("UTF-8", from.c_str())) {}
  ~Converter() {
    if (valid()) iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  bool valid() const { return handle_ != reinterpret_cast<iconv_t>(-1); }

  Result<std::string> convert(std::string_view bytes, const std::string& from,
                              std::uint64_t max_bytes) {
    std::string out;
    // iconv reads through this pointer only; its type predates const.
    char* in = const_cast<char*>(bytes.data());
    std::size_t left = bytes.size();
    std::size_t used = 0;
    out.resize(std::min<std::uint64_t>(bytes.size() + bytes.size() / 4 + 64, max_bytes + 8));
    while (left > 0) {
      char* to = out.data() + used;
      std::size_t room = out.size() - used;
      const auto result = iconv(handle_, &in, &left, &to, &room);
      const int error = errno;
      used = static_cast<std::size_t>(to - out.data());
      if (result != static_cast<std::size_t>(-1)) continue;
      if (error == E2BIG) {
        if (used > max_bytes || out.size() >= max_bytes + 8) {
          return fail(ErrorCode::kTooLarge, "the file has more than {} bytes of text, the limit",
                      max_bytes);
        }
        out.resize(std::min<std::uint64_t>(out.size() * 2, max_bytes + 8));
        continue;
      }
      const auto offset = static_cast<std::size_t>(in - bytes.data());
      return fail(
          ErrorCode::kInvalidArgument,
          "the file is not in {}: byte 0x{:02X} at offset {} has no meaning there; save the "
          "file as UTF-8, or name its encoding in 'encoding'",
          from, static_cast<unsigned char>(bytes[offset]), offset);
    }
    out.resize(used);
    return out;
  }

 private:
  iconv_t handle_;
};

// UTF-16 without a mark: ASCII text has a zero in every second byte.
std::optional<std::string> utf16_by_zeros(std::string_view bytes) {
  const auto sample = bytes.substr(0, 4096);
  if (sample.size() < 4) return std::nullopt;
  std::size_t even = 0;
  std::size_t odd = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    if (sample[i] == '\0') ++(i % 2 == 0 ? even : odd);
  }
  const auto half = sample.size() / 2;
  if (odd * 10 >= half * 7 && even * 20 < half) return "utf-16le";
  if (even * 10 >= half * 7 && odd * 20 < half) return "utf-16be";
  return std::nullopt;
}

std::string detect(std::string_view bytes, bool& guessed) {
  if (bytes.starts_with(kUtf8Mark)) return "utf-8";
  if (bytes.starts_with(kLittleMark)) return "utf-16le";
  if (bytes.starts_with(kBigMark)) return "utf-16be";
  guessed = true;
  if (auto utf16 = utf16_by_zeros(bytes)) return *utf16;
  const auto invalid = find_invalid_utf8(bytes);
  // Letters of UTF-8 before the first fault: the file is UTF-8, and damaged.
  const bool damaged =
      invalid && std::any_of(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(*invalid),
                             [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (bytes.find('\0') != std::string_view::npos || !invalid || damaged) {
    guessed = false;
    return "utf-8";
  }
  return "windows-1252";
}

}  // namespace

Result<Decoded> decode(std::string bytes, const std::optional<std::string>& encoding,
                       std::uint64_t max_bytes) {
  Decoded out;
  out.encoding = encoding ? canonical(*encoding) : detect(bytes, out.guessed);
  if (out.encoding == "utf-16")
    out.encoding = bytes.starts_with(kBigMark) ? "utf-16be" : "utf-16le";
  if (out.encoding == "utf-8") {
    if (const auto zero = bytes.find('\0'); zero != std::string::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  "the file is binary, not CSV: line {} has a NUL byte (offset {}); save it as CSV "
                  "in UTF-8",
                  line_of(bytes, zero), zero);
    }
    if (const auto bad = find_invalid_utf8(bytes)) {
      return fail(ErrorCode::kInvalidArgument,
                  "line {} is not UTF-8: byte 0x{:02X} at offset {}; name the file's encoding in "
                  "'encoding', or save it as CSV in UTF-8",
                  line_of(bytes, *bad), static_cast<unsigned char>(bytes[*bad]), *bad);
    }
    if (bytes.starts_with(kUtf8Mark)) bytes.erase(0, kUtf8Mark.size());
    out.text = std::move(bytes);
  } else {
    const bool plain = std::all_of(out.encoding.begin(), out.encoding.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == ':';
    });
    if (!plain || out.encoding.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "encoding: {} is no name of an encoding; use utf-8, "
                  "utf-16, latin-1, cp1252 or another that iconv knows",
                  quoted(out.encoding));
    }
    Converter converter(out.encoding);
    if (!converter.valid()) {
      return fail(ErrorCode::kInvalidArgument,
                  "encoding: {} is not known; use utf-8, utf-16, latin-1, cp1252 or another that "
                  "iconv knows",
                  quoted(out.encoding));
    }
    std::string_view content = bytes;
    if (out.encoding.starts_with("utf-16") &&
        (content.starts_with(kLittleMark) || content.starts_with(kBigMark))) {
      content.remove_prefix(kLittleMark.size());
    }
    auto text = converter.convert(content, out.encoding, max_bytes);
    if (!text) return fail(text);
    out.text = *std::move(text);
    if (const auto zero = out.text.find('\0'); zero != std::string::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  "the file is binary, not CSV: read as {}, line {} has a NUL character",
                  out.encoding, line_of(out.text, zero));
    }
  }
  if (out.text.size() > max_bytes) {
    return fail(ErrorCode::kTooLarge, "the file has {} bytes of text, the limit is {}",
                out.text.size(), max_bytes);
  }
  return out;
}

}  // namespace saola::split
