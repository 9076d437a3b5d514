// The clock of steady_now() for tests: it stands still, and somebody moves it.
#pragma once

#include <atomic>
#include <cstdint>

#include <saola/base/time.hpp>

namespace saola::detail {

// Nanoseconds of steady time at which steady_now() stands; 0: it shows CLOCK_MONOTONIC. Written by
// the runtime's virtual clock alone (saola::testing::VirtualTime). Relaxed: whoever is woken by a
// move of the clock acquires it with what wakes it.
extern std::atomic<std::int64_t> virtual_now_ns;

}  // namespace saola::detail
