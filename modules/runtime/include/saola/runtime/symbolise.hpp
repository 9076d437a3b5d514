// Addresses to names, files and lines. Reads debug information: slow, allocates; never on a fiber's
// thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <saola/observe/stall_report.hpp>

namespace saola::runtime {

// Innermost first, inlined functions included. All but the first address are return addresses: the
// call before it is what is named. Results are remembered by address.
std::vector<observe::StackFrame> symbolise(std::span<const std::uintptr_t> addresses);

}  // namespace saola::runtime
