// The limit of open files (RLIMIT_NOFILE). The soft one is usually 1024, because select(2) cannot
// watch more; a program that does not use it may raise it to the hard one, but should start others
// with what it had.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace saola {

// Raises this process's soft limit to the hard one (1,048,576 at most); the limit in force now.
std::size_t raise_open_files_limit();

// Gives process `pid` (0: this one) the soft limit that this process had before it raised its own;
// does nothing if it did not. Async-signal-safe, so it may be called between fork and exec.
void restore_open_files_limit(pid_t pid);

// How many descriptors this process has open now.
std::size_t open_files();

}  // namespace saola
