// Checksums of objects' bytes.
#pragma once

#include <string>
#include <string_view>

namespace saola::objects {

// Two lower-case hexadecimal digits a byte.
std::string hex(std::string_view bytes);

// SHA-256 (FIPS 180-4) of `bytes` as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace saola::objects
