#include "loop/fiber.hpp"

#include "loop/loop.hpp"
#include "monitor/rescue.hpp"

namespace saola::runtime::detail {

std::string kind_text(const Fiber& fiber) {
  if (std::string kind = fiber.kind.get(); !kind.empty()) return kind;
  const char* file = fiber.site_file.load(std::memory_order_relaxed);
  return std::string(file != nullptr ? file : "?") + ":" +
         std::to_string(fiber.site_line.load(std::memory_order_relaxed));
}

void Fiber::interrupt() {
  retain();
  loop.send(cancel_node);
}

void Fiber::dispose() {
  loop.free_fiber(this);
}

Wake Fiber::park(Waiter& waiter, Deadline deadline, Cancellable cancellable) {
  return loop.park(*this, waiter, deadline, cancellable);
}

void Fiber::unpark(std::atomic<std::uint32_t>*) {
  if (place.load(std::memory_order_relaxed) == Place::kSide) {
    wait.end();
    loop.side.send(ready_node);
  } else {
    loop.schedule(*this);
  }
}

}  // namespace saola::runtime::detail
