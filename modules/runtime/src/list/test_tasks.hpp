// For tests of the list of tasks.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include <gtest/gtest.h>

#include <saola/runtime/runtime.hpp>

namespace saola::runtime {

using namespace std::chrono_literals;

inline const TaskInfo* find_task(const TaskList& list, std::string_view name) {
  for (const TaskInfo& task : list.tasks) {
    if (task.name == name) return &task;
  }
  return nullptr;
}

// Looks until a task of that name is as wanted; fails after a while, and shows what it was.
template <typename List, typename Wanted>
TaskInfo look_until(List list, std::string_view name, Wanted wanted) {
  const auto patience = std::chrono::steady_clock::now() + 10s;
  TaskInfo last;
  do {
    const TaskList tasks = list();
    if (const TaskInfo* task = find_task(tasks, name)) {
      last = *task;
      if (wanted(last)) return last;
    }
    this_task::sleep_for(1ms);
  } while (std::chrono::steady_clock::now() < patience);
  ADD_FAILURE() << name << " is " << to_string(last.state) << " for '" << last.wait_text << "'";
  return last;
}

// The functions of a stack in one text.
inline std::string names_of(const Result<std::vector<observe::StackFrame>>& stack) {
  if (!stack) return stack.error().message();
  std::string names;
  for (const observe::StackFrame& frame : *stack) names += frame.symbol + '\n';
  return names;
}

}  // namespace saola::runtime
