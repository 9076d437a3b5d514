// Brings a file's bytes to text in UTF-8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>

namespace saola::split {

struct Decoded {
  std::string text;      // UTF-8 without a byte order mark
  std::string encoding;  // what it was: "utf-8", "utf-16le", "windows-1252", …
  bool guessed = false;  // nothing in the file says so
};

// Without `encoding`: UTF-16 by its mark or its pattern of zeros, UTF-8 when all of it is, else
// Windows-1252, of which Latin-1 is a part. Fails with kInvalidArgument on bytes that are not of
// the encoding or a binary file, kTooLarge beyond `max_bytes` of text.
Result<Decoded> decode(std::string bytes, const std::optional<std::string>& encoding,
                       std::uint64_t max_bytes);

}  // namespace saola::split
