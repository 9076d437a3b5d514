// Checksums of objects' bytes.
//
//   Sha256 sum;
//   sum.update("ab");
//   sum.update("c");
//   sum.hex();          // the same as
//   sha256_hex("abc")   // "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace saola::objects {

// Two lower-case hexadecimal digits a byte: hex("\x0f\xa0") is "0fa0".
std::string hex(std::string_view bytes);

// SHA-256 of bytes that come in parts, each after the ones before.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::string_view bytes);
  // Of all so far, as sha256_hex() writes it. The last call.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// SHA-256 (FIPS 180-4) of `bytes` as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace saola::objects
