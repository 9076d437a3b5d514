#include "table/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace saola::split {
namespace {

// Length of the well-formed sequence at `s` with `left` bytes, or 0 (RFC 3629 §4).
std::size_t sequence_length(const unsigned char* s, std::size_t left) {
  const unsigned char lead = s[0];
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (left < length || s[1] < low || s[1] > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((s[i] & 0xC0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint64_t word = 0;
    while (i + sizeof(word) <= text.size()) {
      std::memcpy(&word, bytes + i, sizeof(word));
      if ((word & 0x8080808080808080U) != 0) break;
      i += sizeof(word);
    }
    // Past the plain words: byte by byte until the text is plain again.
    for (std::size_t steps = 0; i < text.size() && steps < sizeof(word); ++steps) {
      const auto length = sequence_length(bytes + i, text.size() - i);
      if (length == 0) return i;
      i += length;
    }
  }
  return std::nullopt;
}

}  // namespace saola::split
