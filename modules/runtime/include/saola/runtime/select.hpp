// Waiting for whichever of several things comes first.
//
//   std::optional<Job> job;
//   switch (select(Deadline::after(1s), on_set(stop), on_pop(jobs, job)).value_or(kNothing)) {
//     case 0:  return;                       // stop was set
//     case 1:  if (job) run(*job);           // an item; empty: the queue is closed
//              break;
//     case kNothing: report_idle(); break;   // a second has passed
//   }
//
// Branches are made by the functions below, and by on_done(future) of module futures,
// Broadcast<T>::Receiver and Watch<T>::Observer. A branch is good for one select().
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/runtime/socket.hpp>
#include <saola/runtime/sync/condition.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/queue.hpp>
#include <saola/runtime/sync/semaphore.hpp>
#include <saola/runtime/task.hpp>

namespace saola::runtime {

// One of the things a select() waits for. All calls come from the selecting task; they wait for
// nothing but a short lock. A select() makes them in this order:
//
//   take()            on each branch; the first that is ready ends it
//   enlist()          on each, until one says that it may be ready already: then from the start
//   …                 parks
//   withdraw()        on each that was enlisted
//   take_notified()   on the branch that was notified; false: from the start
//
// Write one for whatever has a lock and a list of waiters: events, queues and futures are done so.
class Branch {
 public:
  virtual ~Branch() = default;

 protected:
  friend class Selection;
  Branch() = default;
  Branch(const Branch&) = default;
  Branch& operator=(const Branch&) = default;

  // Takes what the branch is for, if it is there. False: not now.
  virtual bool take() = 0;
  // Queues `node` where it is notified when take() may succeed. False, and nothing queued, when it
  // may already.
  virtual bool enlist(WaitNode& node) = 0;
  // Takes `node` out again, whether it was notified or not. Called once after enlist() returned
  // true; the notifier has then left it.
  virtual void withdraw(WaitNode& node) = 0;
  // The branch was notified and so has won. False: another was faster, look again.
  virtual bool take_notified() { return take(); }
  // For a plain thread, which polls: the descriptor that enlist() stands for, and whether for
  // reading.
  struct Descriptor {
    int fd = -1;
    bool for_reading = true;
  };
  virtual Descriptor descriptor() const { return {}; }
};

// select() of branches that are known at run time only, e.g. of many queues; see below.
//
//   std::vector<std::optional<Job>> job(queues.size());
//   std::vector<detail::PopBranch<Job>> pops;
//   for (std::size_t i = 0; i < queues.size(); ++i) pops.push_back(on_pop(queues[i], job[i]));
//   std::vector<Branch*> branches;
//   for (auto& pop : pops) branches.push_back(&pop);
//   if (const auto i = select(Deadline::after(1s), branches); i && job[*i]) run(*job[*i]);
std::optional<std::size_t> select(Deadline deadline, std::span<Branch* const> branches);

namespace detail {
// As select(), but returns kTimedOut and kCancelled. `doing` follows in their text: "while
// waiting".
Result<std::size_t> select_or_error(Deadline deadline, std::span<Branch* const> branches,
                                    std::string_view doing);
}  // namespace detail

// Waits until one of the branches is ready, takes what it stands for, and returns its place, from
// 0; nullopt at the deadline. The others lose nothing: no item, no permit, no byte is taken for
// them. Of several that are ready the first in the order of the arguments is taken, at the deadline
// too: a branch that is always ready starves those behind it. SUSPENDS; throws Cancelled when
// nothing is ready and the task is cancelled. Costs one look at each branch when one is ready, else
// one queue entry for each.
template <std::derived_from<Branch>... Branches>
std::optional<std::size_t> select(Deadline deadline, Branches&&... branches) {
  Branch* const all[] = {&branches...};
  return select(deadline, std::span<Branch* const>(all));
}

// ---- Branches.

namespace detail {

// Each is made by the function below that has its name, good for one select(), and refers to what
// it waits for.
class EventBranch final : public Branch {
 public:
  explicit EventBranch(Event& event) : event_(event) {}

 private:
  bool take() override;
  bool enlist(WaitNode& node) override;
  void withdraw(WaitNode& node) override;
  Event& event_;
};

class SemaphoreBranch final : public Branch {
 public:
  explicit SemaphoreBranch(Semaphore& semaphore) : semaphore_(semaphore) {}

 private:
  bool take() override { return semaphore_.try_acquire(); }
  bool enlist(WaitNode& node) override;
  void withdraw(WaitNode& node) override;
  bool take_notified() override { return true; }  // release() gave its permit to us
  Semaphore& semaphore_;
};

class TaskBranch final : public Branch {
 public:
  explicit TaskBranch(Task& task) : task_(task) {}

 private:
  bool take() override { return task_.done(); }
  bool enlist(WaitNode& node) override;
  void withdraw(WaitNode& node) override;
  Task& task_;
};

class DescriptorBranch final : public Branch {
 public:
  DescriptorBranch(PollFd& poll, bool for_reading) : poll_(poll), for_reading_(for_reading) {}

 private:
  bool take() override;
  bool enlist(WaitNode& node) override;
  void withdraw(WaitNode& node) override;
  Descriptor descriptor() const override { return {poll_.fd(), for_reading_}; }
  PollFd& poll_;
  const bool for_reading_;
  bool cannot_watch_ = false;
};

// For what a Mutex guards and a Condition announces: a channel, a watched value. The two functions
// of a subclass look at it with the mutex held.
class ConditionBranch : public Branch {
 protected:
  ConditionBranch(Mutex& mutex, Condition& condition) : mutex_(mutex), condition_(condition) {}
  // As take(). REQUIRES: the mutex is held.
  virtual bool take_locked() = 0;
  // Would take_locked() take something? REQUIRES: the mutex is held.
  virtual bool ready_locked() = 0;

 private:
  bool take() final;
  bool enlist(WaitNode& node) final;
  void withdraw(WaitNode& node) final;
  Mutex& mutex_;
  Condition& condition_;
};

// Of a Queue: ready when it has an item or is closed.
template <typename T>
class PopBranch final : public ConditionBranch {
 public:
  PopBranch(Queue<T>& queue, std::optional<T>& into)
      : ConditionBranch(queue.mutex_, queue.filled_), queue_(queue), into_(into) {}

 private:
  bool ready_locked() override { return !queue_.items_.empty() || queue_.closed_; }
  bool take_locked() override {
    if (!ready_locked()) return false;
    into_.reset();
    if (!queue_.items_.empty()) into_.emplace(queue_.take());
    return true;
  }
  Queue<T>& queue_;
  std::optional<T>& into_;
};

}  // namespace detail

// The event is set. It stays set.
inline detail::EventBranch on_set(Event& event) {
  return detail::EventBranch(event);
}
// A permit, which this task then has, and releases.
//
//   if (select(deadline, on_acquire(slots), on_set(stop)) == 0) {
//     work();
//     slots.release();
//   }
inline detail::SemaphoreBranch on_acquire(Semaphore& semaphore) {
  return detail::SemaphoreBranch(semaphore);
}
// The task has ended; join() it then, which does not wait. REQUIRES: nobody else waits for it.
//
//   if (select(Deadline::after(1s), on_done(task)) == 0) task.join();
inline detail::TaskBranch on_done(Task& task) {
  return detail::TaskBranch(task);
}
// A read (write) makes progress: bytes (room), the end of the stream, or an error. REQUIRES: nobody
// else waits for this direction. A descriptor that cannot be watched counts as ready, so that the
// read (write) shows why.
//
//   if (select(Deadline::after(30s), on_readable(socket), on_set(stop)) != 0) return;
//   auto n = socket.read_some(buffer, Deadline::after(1s));
inline detail::DescriptorBranch on_readable(PollFd& poll) {
  return {poll, true};
}
inline detail::DescriptorBranch on_writable(PollFd& poll) {
  return {poll, false};
}
inline detail::DescriptorBranch on_readable(Socket& socket) {
  return {socket.poll_fd(), true};
}
inline detail::DescriptorBranch on_writable(Socket& socket) {
  return {socket.poll_fd(), false};
}
// A connection can be accepted; another process may take it first, so give accept() a deadline.
inline detail::DescriptorBranch on_readable(Listener& listener) {
  return {listener.poll_fd(), true};
}
// The next item, in `into`; empty when the queue is closed and empty. try_push() to a channel
// (capacity 0) does not see a task that waits in a select(); push() does.
template <typename T>
detail::PopBranch<T> on_pop(Queue<T>& queue, std::optional<T>& into) {
  return {queue, into};
}

}  // namespace saola::runtime
