#include <openssl/evp.h>

#include <saola/base/check.hpp>
#include <saola/objects/checksum.hpp>

namespace saola::objects {

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string sha256_hex(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  SAOLA_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr) == 1,
              "OpenSSL has no SHA-256");
  return hex({reinterpret_cast<const char*>(digest), size});
}

}  // namespace saola::objects
