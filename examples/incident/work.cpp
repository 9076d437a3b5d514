#include "work.hpp"

#include <time.h>

#include <algorithm>

namespace incident {
namespace {

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

std::uint64_t compute(std::uint64_t rounds) {
  std::uint64_t x = 88172645463325252U;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  return x;
}

std::uint64_t calibrate(double seconds) {
  constexpr std::uint64_t kRounds = 40'000'000;
  double fastest = 1e9;
  for (int i = 0; i < 5; ++i) {
    const double before = cpu_seconds();
    // The value is needed, or the compiler would drop the loop.
    const volatile std::uint64_t value = compute(kRounds);
    (void)value;
    fastest = std::min(fastest, cpu_seconds() - before);
  }
  return static_cast<std::uint64_t>(seconds / fastest * static_cast<double>(kRounds));
}

}  // namespace incident
