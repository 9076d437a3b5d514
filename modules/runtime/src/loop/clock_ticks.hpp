// A counter cheap enough to read at every round of the loop. Only differences mean something.
#pragma once

#include <chrono>
#include <cstdint>

namespace saola::runtime::detail {

inline std::uint64_t clock_ticks() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  // In units that make kLeastTicksBetweenPasses about 13 µs here too.
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) *
         3;
#endif
}

}  // namespace saola::runtime::detail
