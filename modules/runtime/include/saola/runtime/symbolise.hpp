// Addresses to names, files and lines, for stall reports. Reads debug information: slow
// (milliseconds at the first call), allocates, takes a lock; never on a fiber's thread.
//
//   for (const observe::StackFrame& frame : symbolise(addresses)) show(to_string(frame));
//   // render(Page const&) at page.cpp:41
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <saola/observe/stall_report.hpp>

namespace saola::runtime {

// Innermost first, inlined functions included, so it may return more frames than addresses. All but
// the first address are return addresses: the call before it is what is named. What is not known
// stays empty in a frame; without debug information that is file and line. Results are remembered
// by address. Any thread.
std::vector<observe::StackFrame> symbolise(std::span<const std::uintptr_t> addresses);

}  // namespace saola::runtime
