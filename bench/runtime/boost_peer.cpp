// Boost.Fiber's side of bench/runtime/run: yield | spawn, ns of CPU time each.
#include <time.h>

#include <cstdio>
#include <string_view>

#include <boost/fiber/all.hpp>

namespace {

double cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  namespace fibers = boost::fibers;
  if (argc > 1 && std::string_view(argv[1]) == "yield") {
    constexpr int kRounds = 1'000'000;
    fibers::fiber other([] {
      for (int i = 0; i < kRounds; ++i) boost::this_fiber::yield();
    });
    const double before = cpu_ns();
    for (int i = 0; i < kRounds; ++i) boost::this_fiber::yield();
    std::printf("%.2f\n", (cpu_ns() - before) / (2.0 * kRounds));
    other.join();
  } else {
    constexpr int kRounds = 300'000;
    fibers::pooled_fixedsize_stack stacks;
    const double before = cpu_ns();
    for (int i = 0; i < kRounds; ++i) {
      fibers::fiber(fibers::launch::post, std::allocator_arg, stacks, [] {}).join();
    }
    std::printf("%.2f\n", (cpu_ns() - before) / kRounds);
  }
  return 0;
}
