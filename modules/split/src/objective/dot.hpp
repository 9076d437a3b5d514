// Inner products in a fixed order of summation, so that the result has the same bits whatever the
// processor and the compiler's flags.
#pragma once

#include <cstddef>
#include <cstring>

namespace saola::split {

// Two doubles that fit one register of every x86-64 and AArch64.
using Pair [[gnu::vector_size(16)]] = double;

inline Pair load_pair(const double* p) {
  Pair pair;
  std::memcpy(&pair, p, sizeof(pair));
  return pair;
}

inline Pair load_pair(const float* p) {
  return Pair{p[0], p[1]};
}

// Σ a[c] b[c] in double precision. REQUIRES: width is a multiple of 4.
template <typename A, typename B>
double dot(const A* a, const B* b, std::size_t width) {
  Pair even{};
  Pair odd{};
  for (std::size_t c = 0; c < width; c += 4) {
    even += load_pair(a + c) * load_pair(b + c);
    odd += load_pair(a + c + 2) * load_pair(b + c + 2);
  }
  const Pair sum = even + odd;
  return sum[0] + sum[1];
}

}  // namespace saola::split
