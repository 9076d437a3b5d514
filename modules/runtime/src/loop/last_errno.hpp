// errno, for code that may have moved to another thread since it last looked.
#pragma once

#include <cerrno>

namespace saola::runtime::detail {

// The calling thread's errno. The compiler may keep the address of errno for the length of a
// function (glibc declares it constant), and after a wait that is another thread's: code that waits
// and then looks must ask here. Never inlined, even by link-time optimisation.
int last_errno();

}  // namespace saola::runtime::detail
