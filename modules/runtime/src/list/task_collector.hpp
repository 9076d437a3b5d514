// Collects what a list of tasks shows: a glance at each, then the details of those that are shown.
#pragma once

#include <vector>

#include <saola/runtime/runtime.hpp>
#include <saola/runtime/tasks.hpp>

#include "loop/fiber.hpp"
#include "native_task.hpp"

namespace saola::runtime::detail {

class TaskCollector {
 public:
  explicit TaskCollector(const TaskQuery& query);

  void add_fibers_of(Runtime::Impl& runtime);
  void add_natives_of(Runtime::Impl& runtime);
  // Those of no Runtime.
  void add_threads();
  TaskList finish();

 private:
  struct Glance {
    TaskInfo info;
    const Fiber* fiber = nullptr;  // whose details are not in `info` yet
  };
  TaskInfo look_at(const Fiber& fiber) const;
  TaskInfo look_at(const BlockingTask& task) const;
  static void describe(Glance& glance);
  void add_natives(std::vector<TaskInfo> natives);
  void add(Glance glance);
  bool matches(const TaskInfo& info) const;
  bool goes_before(const Glance& a, const Glance& b) const;

  const TaskQuery query_;
  // All times are told as of this moment, so that they can be compared.
  const SteadyTime now_ = std::chrono::steady_clock::now();
  TaskList list_;
  std::vector<Glance> kept_;  // a heap: the one that is shown last on top
};

}  // namespace saola::runtime::detail
