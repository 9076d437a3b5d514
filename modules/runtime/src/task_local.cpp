#include <atomic>
#include <utility>

#include <saola/base/check.hpp>
#include <saola/base/log.hpp>
#include <saola/runtime/task_local.hpp>

#include "task_state.hpp"

namespace saola::runtime::detail {
namespace {

constexpr int kMostRounds = 4;  // PTHREAD_DESTRUCTOR_ITERATIONS on Linux

}  // namespace

std::size_t new_local_index() {
  // Relaxed: only uniqueness matters.
  static std::atomic<std::size_t> next{0};
  return next.fetch_add(1, std::memory_order_relaxed);
}

void* local_value(std::size_t index) {
  const TaskLocals& locals = current_task().locals;
  return index < locals.slots.size() ? locals.slots[index].value : nullptr;
}

void set_local_value(std::size_t index, void* value, void (*destroy)(void*)) {
  TaskLocals& locals = current_task().locals;
  if (locals.slots.size() <= index) locals.slots.resize(index + 1);
  TaskLocals::Slot& slot = locals.slots[index];
  SAOLA_CHECK(slot.value == nullptr, "the constructor of a TaskLocal's value used that TaskLocal");
  slot = {.value = value, .destroy = destroy, .older = std::exchange(locals.newest, index + 1)};
}

void destroy_locals(TaskState& task) {
  TaskLocals& locals = task.locals;
  for (int round = 0; locals.newest != 0; ++round) {
    if (round == kMostRounds) {
      log_error("a task's locals keep making each other in their destructors; the last are leaked",
                {{"task", task.id.load()}, {"name", task.name.get()}, {"rounds", round}});
      break;
    }
    // One round: what is alive now, the newest first. What a destructor makes is of the next.
    for (std::size_t at = std::exchange(locals.newest, 0); at != 0;) {
      TaskLocals::Slot& slot = locals.slots[at - 1];
      at = slot.older;
      void* value = std::exchange(slot.value, nullptr);
      slot.destroy(value);  // may grow `slots`
    }
  }
  locals.slots.clear();
  locals.newest = 0;
  if (task.scope != nullptr) task.enter_scope(nullptr);
  task.inherited = nullptr;
}

}  // namespace saola::runtime::detail
