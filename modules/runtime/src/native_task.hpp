// Tasks on native threads, and the pools those threads live in.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <saola/base/unique_fd.hpp>

#include "loop/fiber.hpp"
#include "loop/thread_set.hpp"
#include "task_state.hpp"

namespace saola::runtime::detail {

// How a native thread waits: a futex; cancel reaches it through the waiter, or through an eventfd
// while it polls a descriptor.
struct BlockingTask : TaskState {
  using TaskState::TaskState;
  void interrupt() override;
  Wake park(Waiter& waiter, Deadline deadline, Cancellable cancellable) override;
  void unpark(std::atomic<std::uint32_t>* waiter_state) override;
  // poll(2) for `events` on `fd` that a cancel ends.
  Wake poll_fd(int fd, short events, Deadline deadline);

 private:
  SpinLock guard_;
  Waiter* waiting_ = nullptr;  // GUARDED_BY(guard_)
  unique_fd cancel_event_;     // GUARDED_BY(guard_); made by the first poll_fd()
};

// A spawned native task. `loop` is the one that counts it as alive, or null.
struct NativeTask final : BlockingTask {
  explicit NativeTask(Loop* l) : BlockingTask(TaskKind::kNative), loop(l) {}
  Loop* const loop;
  InboxNode ended_node{InboxNode::Kind::kNativeEnded, static_cast<TaskState*>(this), nullptr};
  std::thread thread;  // when it has one of its own; touched by the Task handle only
  void run();
  void dispose() override { delete this; }
};

// Threads started as needed, kept while there is work now and then.
class NativePool {
 public:
  struct Options {
    std::string name;
    std::size_t max_threads = SIZE_MAX;
    int nice = 0;
    Duration idle_limit = std::chrono::seconds(5);
  };
  explicit NativePool(Options options) : options_(std::move(options)) {}
  // Runs what is queued, then joins.
  ~NativePool();

  // Queues; a thread is started when none is idle and the limit allows. Throws std::system_error
  // when the first thread cannot be started.
  void submit(std::move_only_function<void()> work);

 private:
  void serve(ThreadSet::Handle self);

  const Options options_;
  std::mutex mutex_;
  // All GUARDED_BY(mutex_).
  std::condition_variable changed_;
  std::deque<std::move_only_function<void()>> work_;
  std::size_t idle_ = 0;
  ThreadSet threads_;
  bool stopping_ = false;
};

}  // namespace saola::runtime::detail
