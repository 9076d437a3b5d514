#include <exception>
#include <utility>

#include <saola/runtime/native_thread.hpp>

#include "loop/thread_starter.hpp"
#include "testing/virtual_clock.hpp"

namespace saola::runtime {

std::thread start_thread(std::move_only_function<void()> body) {
  if (detail::VirtualClock* clock = detail::VirtualClock::current()) {
    body = [hold = detail::VirtualClock::Hold(clock), work = std::move(body)]() mutable {
      detail::VirtualClock::count_this_thread(true);
      work();
      work = nullptr;
      detail::VirtualClock::count_this_thread(false);
    };
  }
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
