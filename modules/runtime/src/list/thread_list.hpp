// The native tasks and threads of this process that belong to no Runtime, for lists.
#pragma once

#include <mutex>
#include <set>

#include "native_task.hpp"

namespace saola::runtime::detail {

// Whoever is in it removes itself before it ends, so what is done with the lock held finds it alive.
class ThreadList {
 public:
  void add(BlockingTask& task) {
    std::lock_guard lock(mutex_);
    tasks_.insert(&task);
  }
  void remove(BlockingTask& task) {
    std::lock_guard lock(mutex_);
    tasks_.erase(&task);
  }
  // Calls `visit(const BlockingTask&)` with the lock held: it is short, and waits for nobody.
  template <typename Visit>
  void for_each(Visit visit) {
    std::lock_guard lock(mutex_);
    for (const BlockingTask* task : tasks_) visit(*task);
  }

 private:
  std::mutex mutex_;
  std::set<BlockingTask*> tasks_;  // GUARDED_BY(mutex_)
};

// One for the process, as its threads are. Never destroyed, for threads may outlive main().
ThreadList& thread_list();

}  // namespace saola::runtime::detail
