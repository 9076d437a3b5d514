#include <exception>
#include <utility>

#include <saola/runtime/native_thread.hpp>

#include "loop/thread_starter.hpp"

namespace saola::runtime {

std::thread start_thread(std::move_only_function<void()> body) {
  std::thread thread;
  std::exception_ptr error;
  detail::run_undemoted([&] {
    try {
      thread = std::thread(std::move(body));
    } catch (...) {
      error = std::current_exception();
    }
  });
  if (error != nullptr) std::rethrow_exception(error);
  return thread;
}

}  // namespace saola::runtime
