// Checksums of objects' bytes.
//
//   sha256_hex("abc")   // "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#pragma once

#include <string>
#include <string_view>

namespace saola::objects {

// Two lower-case hexadecimal digits a byte: hex("\x0f\xa0") is "0fa0".
std::string hex(std::string_view bytes);

// SHA-256 (FIPS 180-4) of `bytes` as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace saola::objects
