// The computation that never yields: a fixed amount of work, so that how long it takes shows what
// it had to share the CPU with.
#pragma once

#include <cstdint>

namespace incident {

// `rounds` steps of integer arithmetic, each of which needs the one before.
std::uint64_t compute(std::uint64_t rounds);

// How many rounds take `seconds` of CPU time on this machine. Takes about 0.3 s.
std::uint64_t calibrate(double seconds);

}  // namespace incident
