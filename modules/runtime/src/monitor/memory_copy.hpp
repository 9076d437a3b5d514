// Memory of this process that may change, or go away, while it is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace saola::runtime::detail {

// Copies what is at `from`, as far as it is mapped. Returns how many bytes. The kernel reads it, so
// that what is gone is an error and not a fault, through a pipe, which no sandbox forbids.
std::size_t copy_memory(std::uintptr_t from, std::span<std::byte> into);

}  // namespace saola::runtime::detail
