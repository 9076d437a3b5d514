// A task's table as it is split: read, and brought to one row a unit if it is a panel.
#pragma once

#include <optional>
#include <string>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/split/split.hpp>
#include <saola/split_task/request.hpp>

namespace saola::split_task {

class TaskInput {
 public:
  // Fails as read_table() and make_panel() do.
  static Result<TaskInput> read(std::string bytes, const SplitTask& task);

  // One row for each that gets a group.
  const split::Table& table() const { return panel_ ? panel_->units : table_; }
  // As the file was read.
  const std::string& encoding() const { return encoding_; }
  char delimiter() const { return delimiter_; }

  // On every core the process may use.
  Result<split::Outcome> split(split::Observer& observer, const Clock& clock) const;
  Result<split::Preview> preview() const;

 private:
  split::Table table_;  // empty when it is a panel
  split::Options options_;
  std::optional<split::Panel> panel_;
  std::string encoding_;
  char delimiter_ = ',';
};

}  // namespace saola::split_task
