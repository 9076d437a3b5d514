// Return addresses on a stack that belongs to somebody else or to an interrupted self: no
// allocation, no lock, no unwinder (those crash or deadlock in signal handlers; Seastar's issues
// 2697 and 2714 tell the story).
#pragma once

#include <cstddef>
#include <cstdint>

namespace saola::runtime::detail {

inline constexpr std::size_t kMostFrames = 48;

// Where executable code is mapped, so that a word can be told from a return address. Call once, and
// again after dlopen(); not from signal handlers.
void note_code_ranges();

// Walks frame pointers from `frame`; where it is none (a leaf of a library built without them),
// first looks for the nearest frame above `sp`. Never reads outside [bottom, top). The first
// address is `pc`. Returns how many. `shift`: where a copy of the stack lies, less where it lay.
std::size_t walk_stack(std::uintptr_t pc, std::uintptr_t sp, std::uintptr_t frame,
                       std::uintptr_t bottom, std::uintptr_t top, std::uintptr_t* frames,
                       std::uintptr_t shift = 0);

}  // namespace saola::runtime::detail
