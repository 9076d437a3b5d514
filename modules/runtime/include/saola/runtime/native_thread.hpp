// Starting native threads from tasks.
#pragma once

#include <functional>
#include <thread>

namespace saola::runtime {

// As std::thread(body), at the process's own priority even if the caller's thread has a lower one:
// a fiber that has computed for long, or work of offload_cpu(). A plain std::thread inherits the
// priority of the thread that makes it, for good. Throws std::system_error when the system gives no
// thread. Does not suspend; from a thread of lower priority it blocks for the moment that the start
// takes.
//
//   std::thread uploader = runtime::start_thread([&] { upload(file); });
std::thread start_thread(std::move_only_function<void()> body);

}  // namespace saola::runtime
