#include <mutex>
#include <utility>

#include <saola/runtime/task_group.hpp>

namespace saola::runtime {

TaskGroup::~TaskGroup() {
  this_task::Uncancellable guard;
  cancel();
  try {
    join();
  } catch (...) {
    // Whoever drops the group does not want its result.
  }
}

void TaskGroup::spawn(std::move_only_function<void()> body, SpawnOptions options,
                      std::source_location site) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, Deadline::never(), [&] { return running_.size() < options_.limit; });
  // From here on the place is taken, whoever else comes.
  running_.emplace_back();
  const auto self = std::prev(running_.end());
  // The task cannot reach the end of its body before we release mutex_, so `self` holds its handle
  // by then.
  auto run = [this, self, task_body = std::move(body)]() mutable {
    std::exception_ptr error;
    bool is_cancel = false;
    try {
      task_body();
    } catch (const Cancelled&) {
      error = std::current_exception();
      is_cancel = true;
    } catch (...) {
      error = std::current_exception();
    }
    task_body = nullptr;
    std::unique_lock end(mutex_);
    if (error != nullptr) keep(std::move(error), is_cancel);
    ended_.splice(ended_.end(), running_, self);
    changed_.notify_all();
  };
  try {
    *self = runtime::spawn(std::move(run), options, site);
  } catch (...) {
    running_.erase(self);
    changed_.notify_all();
    throw;
  }
  if (cancelled_) self->cancel();
  reap(lock);
}

void TaskGroup::keep(std::exception_ptr error, bool is_cancel) {
  std::exception_ptr& kept = is_cancel ? cancelled_error_ : error_;
  if (kept == nullptr) kept = std::move(error);
  if (!is_cancel && options_.on_error == TaskGroupOptions::OnError::kCancelRest) cancel_all();
}

void TaskGroup::reap(std::unique_lock<Mutex>& lock) {
  // A task in ended_ still has to return from its body: joining it without the lock lets it take
  // the lock.
  std::list<Task> ended;
  ended.swap(ended_);
  lock.unlock();
  {
    this_task::Uncancellable guard;
    for (Task& task : ended) task.join();
  }
  lock.lock();
}

bool TaskGroup::join(Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, deadline, [&] { return running_.empty(); })) return false;
  reap(lock);
  const auto cancelled = std::exchange(cancelled_error_, nullptr);
  const auto error = std::exchange(error_, nullptr);
  lock.unlock();
  if (error != nullptr) std::rethrow_exception(error);
  if (cancelled != nullptr) std::rethrow_exception(cancelled);
  return true;
}

void TaskGroup::cancel() {
  std::unique_lock lock(mutex_);
  cancel_all();
}

void TaskGroup::cancel_all() {
  cancelled_ = true;
  for (Task& task : running_) {
    if (task) task.cancel();
  }
}

std::size_t TaskGroup::size() const {
  std::unique_lock lock(mutex_);
  return running_.size();
}

}  // namespace saola::runtime
