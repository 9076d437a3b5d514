// How long a turn on the CPU a thread asks the kernel for.
#pragma once

#include <sys/types.h>

#include <chrono>

#include <saola/base/time.hpp>

namespace saola::runtime::detail {

// A thread with a short slice that wakes may take the CPU from one with a longer slice at once,
// where it would else wait for the end of that one's turn (a tick: up to 4 ms). Linux 6.12 and
// later; no effect before, nor on a thread that has a real-time policy. Needs no privilege.
inline constexpr Duration kMonitorSlice = std::chrono::microseconds(100);
// Longer than the monitor's, which must be able to take the CPU from a carrier that is hogged.
inline constexpr Duration kCarrierSlice = std::chrono::microseconds(500);
inline constexpr Duration kDefaultSlice = Duration::zero();

// `tid`: a thread of this process, 0 for the calling one.
void set_time_slice(pid_t tid, Duration slice);

}  // namespace saola::runtime::detail
