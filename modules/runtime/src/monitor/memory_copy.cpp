#include "monitor/memory_copy.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include <saola/base/unique_fd.hpp>

namespace saola::runtime::detail {

std::size_t copy_memory(std::uintptr_t from, std::span<std::byte> into) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return 0;
  const unique_fd read_end(ends[0]);
  const unique_fd write_end(ends[1]);
  std::size_t copied = 0;
  while (copied < into.size()) {
    // A piece lies in one page, so that it is there or not; not through write(3), which sanitizers
    // take for a read of their own.
    const std::uintptr_t at = from + copied;
    const std::size_t piece = std::min<std::size_t>(into.size() - copied, 4096 - at % 4096);
    if (::syscall(SYS_write, write_end.get(), at, piece) != static_cast<long>(piece)) break;
    if (::read(read_end.get(), into.data() + copied, piece) != static_cast<ssize_t>(piece)) break;
    copied += piece;
  }
  return copied;
}

}  // namespace saola::runtime::detail
