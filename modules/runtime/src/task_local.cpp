#include <atomic>

#include <saola/runtime/task_local.hpp>

#include "task_state.hpp"

namespace saola::runtime::detail {

std::size_t new_local_index() {
  // Relaxed: only uniqueness matters.
  static std::atomic<std::size_t> next{0};
  return next.fetch_add(1, std::memory_order_relaxed);
}

void*& local_slot(std::size_t index, void (*destroy)(void*)) {
  auto& locals = current_task().locals;
  if (locals.size() <= index) locals.resize(index + 1);
  locals[index].destroy = destroy;
  return locals[index].value;
}

}  // namespace saola::runtime::detail
