// Tasks on native threads, and the pools those threads live in.
#pragma once

#include <poll.h>

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
#include "loop/thread_starter.hpp"
#include "task_state.hpp"
#include "testing/virtual_clock.hpp"

namespace saola::runtime::detail {

// How a native thread waits: a futex; cancel reaches it through the waiter, or through an eventfd
// while it polls a descriptor.
struct BlockingTask : TaskState {
  using TaskState::TaskState;
  void interrupt() override;
  Wake park(Waiter& waiter, Deadline deadline, Cancellable cancellable) override;
  void unpark(std::atomic<std::uint32_t>* waiter_state) override;
  // As Waiter::park(), and ends, kNotified, when poll(2) finds one of the descriptors ready. Needs
  // a descriptor for being woken, which a thread then keeps.
  Wake park_polling(Waiter& waiter, std::vector<pollfd> descriptors, Deadline deadline);
  // The same for one descriptor, with nobody who notifies.
  Wake poll_fd(int fd, bool for_reading, Deadline deadline, WaitFor what);

 private:
  enum class Woken : std::uint8_t { kByOthers, kByNobody };
  Wake poll_until(Waiter& waiter, std::vector<pollfd>& descriptors, Deadline deadline, Woken woken);
  // For lists.
  void note_wait(Waiter& waiter, Deadline deadline);
  // Ends a poll(2) of this task. REQUIRES: guard_ held.
  void wake_poll();

  std::uint64_t waits_ = 0;  // how many there were; touched by the thread only
  SpinLock guard_;
  Waiter* waiting_ = nullptr;  // GUARDED_BY(guard_)
  unique_fd wake_event_;       // GUARDED_BY(guard_); made by the first park_polling()
  // In park_polling(). Relaxed: set before the waiter becomes parked, so whoever takes it out of
  // that state (acquire) sees it.
  std::atomic<bool> polling_{false};
};

// The calling thread and its stack; `since` is now, `cpu_before` zero.
ThreadRecord::Seen this_thread();

// While one lives, the calling thread works for `task`, and lists say so.
class WorksFor {
 public:
  explicit WorksFor(TaskState& task);
  ~WorksFor();
  WorksFor(const WorksFor&) = delete;
  WorksFor& operator=(const WorksFor&) = delete;

 private:
  TaskState& task_;
  pid_t tid_ = 0;
  Duration cpu_before_{};
};

// What poll(2) is to look for before a read (a write).
short poll_events(bool for_reading);

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
  NativePool(ThreadStarter& starter, Options options)
      : starter_(starter), options_(std::move(options)) {}
  // Runs what is queued, then joins.
  ~NativePool();

  // Queues; a thread is started when none is idle and the limit allows. Throws std::system_error
  // when the first thread cannot be started.
  void submit(std::move_only_function<void()> work);

 private:
  struct Work {
    std::move_only_function<void()> run;
    // Held while a thread is about to take it: not while it waits for one that has other work.
    VirtualClock::Hold hold;
  };
  void serve(ThreadSet::Handle self);

  ThreadStarter& starter_;
  const Options options_;
  std::mutex mutex_;
  // All GUARDED_BY(mutex_).
  std::condition_variable changed_;
  std::deque<Work> work_;
  std::size_t idle_ = 0;
  ThreadSet threads_;
  bool stopping_ = false;
};

}  // namespace saola::runtime::detail
