#include <utility>

#include <saola/base/cores.hpp>
#include <saola/split/read.hpp>
#include <saola/split_task/input.hpp>

namespace saola::split_task {

Result<TaskInput> TaskInput::read(std::string bytes, const SplitTask& task) {
  auto table = split::read_table(std::move(bytes), task.reading);
  if (!table) return fail(table);
  TaskInput input;
  input.encoding_ = table->encoding();
  input.delimiter_ = table->delimiter();
  input.options_ = task.options;
  input.options_.threads = allowed_cores();
  if (!task.panel) {
    input.table_ = *std::move(table);
    return input;
  }
  auto panel = split::make_panel(*table, *task.panel, input.options_);
  if (!panel) return fail(panel);
  input.panel_ = *std::move(panel);
  return input;
}

Result<split::Outcome> TaskInput::split(split::Observer& observer, const Clock& clock) const {
  return panel_ ? split::split(*panel_, observer, clock)
                : split::split(table_, options_, observer, clock);
}

Result<split::Preview> TaskInput::preview() const {
  return panel_ ? split::preview(*panel_) : split::preview(table_, options_);
}

}  // namespace saola::split_task
