#include <atomic>

#include <saola/runtime/inherited_local.hpp>

#include "task_state.hpp"

namespace saola::runtime {
namespace detail {

std::size_t new_inherited_index() {
  // Relaxed: only uniqueness matters.
  static std::atomic<std::size_t> next{0};
  return next.fetch_add(1, std::memory_order_relaxed);
}

const void* inherited_value(std::size_t index) {
  const auto& table = current_task().inherited;
  return table != nullptr && index < table->size() ? (*table)[index].get() : nullptr;
}

std::shared_ptr<const void> set_inherited_value(std::size_t index,
                                                std::shared_ptr<const void> value) {
  TaskState& task = current_task();
  auto table = task.inherited != nullptr ? std::make_shared<InheritedTable>(*task.inherited)
                                         : std::make_shared<InheritedTable>();
  if (table->size() <= index) table->resize(index + 1);
  auto before = std::exchange((*table)[index], std::move(value));
  task.inherited = std::move(table);
  return before;
}

}  // namespace detail

InheritedValues InheritedValues::of_this_task() {
  InheritedValues values;
  values.table_ = detail::current_task().inherited;
  return values;
}

InheritedValues::Use::Use(const InheritedValues& values)
    : before_(std::exchange(detail::current_task().inherited, values.table_)) {}

InheritedValues::Use::~Use() {
  detail::current_task().inherited = std::move(before_);
}

}  // namespace saola::runtime
