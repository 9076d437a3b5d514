// A closable queue between any tasks.
//
//   Queue<Job> jobs(100);                        // bounded: a fast producer waits
//   Task worker = spawn([&] {
//     while (auto job = jobs.pop()) run(*job);   // until the queue is closed and empty
//   });
//   if (auto queued = jobs.push(next, Deadline::after(1s)); !queued) return busy(queued.error());
//   …
//   jobs.close();
//   worker.join();
//
// In a select() on_pop() waits for the next item.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include <saola/base/error.hpp>
#include <saola/runtime/sync/condition.hpp>
#include <saola/runtime/task.hpp>

namespace saola::runtime {

namespace detail {
template <typename T>
class PopBranch;
}

// First in, first out; many producers, many consumers; usable from any fiber and any thread.
// REQUIRES: nobody is inside when it is destroyed.
template <typename T>
class Queue {
 public:
  // Holds at most `capacity` items; unbounded by default. 0: a channel — push() returns when a
  // consumer has taken the item.
  explicit Queue(std::size_t capacity = SIZE_MAX) : capacity_(capacity) {}

  // Queues `item`. SUSPENDS while full. kTimedOut, kCancelled, or kClosed; then the item was not
  // queued (it is destroyed), and no consumer will see it. With room it succeeds at a deadline that
  // has passed too, except to a channel.
  Result<void> push(T item, Deadline deadline = Deadline::never()) {
    std::unique_lock lock(mutex_);
    if (capacity_ == 0) return rendezvous(std::move(item), deadline, lock);
    while (!closed_ && items_.size() >= capacity_) {
      auto waited = check(room_.wait(lock, deadline));
      if (!waited && !closed_ && items_.size() >= capacity_) return waited;
    }
    if (closed_) return fail(ErrorCode::kClosed, "the queue is closed");
    items_.push_back({std::move(item), nullptr});
    filled_.notify_one();
    return {};
  }

  // As push(), but never waits. False when full or closed; for a channel, when no consumer waits in
  // pop().
  //
  //   if (!events.try_push(event)) ++lost;                 // better lose one than wait
  bool try_push(T item) {
    std::unique_lock lock(mutex_);
    if (closed_ || items_.size() >= (capacity_ == 0 ? waiting_consumers_ : capacity_)) return false;
    items_.push_back({std::move(item), nullptr});
    filled_.notify_one();
    return true;
  }

  // The oldest item. SUSPENDS while empty. kTimedOut, kCancelled, or kClosed once closed and empty.
  // An item that is there is taken, even at the deadline or when the task was cancelled.
  Result<T> pop(Deadline deadline = Deadline::never()) {
    std::unique_lock lock(mutex_);
    ++waiting_consumers_;
    Result<void> waited;
    while (items_.empty() && !closed_ && waited) waited = check(filled_.wait(lock, deadline));
    --waiting_consumers_;
    if (!items_.empty()) return take();
    if (closed_) return fail(ErrorCode::kClosed, "the queue is closed");
    return fail(waited);
  }

  // As pop(), but never waits: nullopt when empty, closed or not.
  //
  //   while (auto job = jobs.try_pop()) drop(*job);        // empties it
  std::optional<T> try_pop() {
    std::unique_lock lock(mutex_);
    if (items_.empty()) return std::nullopt;
    return take();
  }

  // No more pushes: they, and those who wait in push(), get kClosed. Consumers get what is left,
  // then kClosed; the producers of a channel take back what nobody has taken. Idempotent.
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    room_.notify_all();
    filled_.notify_all();
    for (Item& item : items_) {
      if (item.sender != nullptr) item.sender->changed.notify_one();
    }
  }

  // Items queued now; of a channel, those whose producers wait. Old news when it returns.
  std::size_t size() const {
    std::unique_lock lock(mutex_);
    return items_.size();
  }

 private:
  friend class detail::PopBranch<T>;
  // A wait's end as a Result.
  static Result<void> check(Wake wake) {
    switch (wake) {
      case Wake::kNotified:
        return {};
      case Wake::kTimedOut:
        return fail(ErrorCode::kTimedOut, "the deadline passed while waiting on a queue");
      case Wake::kCancelled:
        return fail(this_task::cancelled_error("while waiting on a queue"));
    }
    std::unreachable();
  }

  // A channel's sender, on its own stack, while its item is queued. Whoever takes the item sets
  // `taken` under the mutex, so the sender is still there.
  struct Sender {
    Condition changed{WaitKind::kRoom};
    bool taken = false;
  };
  // An item in the queue; of a channel, with who waits for it to be taken.
  struct Item {
    T value;
    Sender* sender;  // null when nobody waits for it to be taken
  };

  // Takes the oldest item out and wakes who waited for that: a producer for room, or the channel's
  // sender. REQUIRES: the mutex is held, there is one.
  T take() {
    Item item = std::move(items_.front());
    items_.pop_front();
    if (item.sender != nullptr) {
      item.sender->taken = true;
      item.sender->changed.notify_one();
    } else {
      room_.notify_one();
    }
    return std::move(item.value);
  }

  // A channel's push: the item is queued with its sender, who waits until a consumer takes it. If
  // that does not happen in time, or the channel is closed, the sender takes it back, under the
  // same lock: so either a consumer has it or the push has failed, never both. REQUIRES: `lock` is
  // held, capacity 0.
  Result<void> rendezvous(T item, Deadline deadline, std::unique_lock<Mutex>& lock) {
    if (closed_) return fail(ErrorCode::kClosed, "the queue is closed");
    Sender self;
    items_.push_back({std::move(item), &self});
    filled_.notify_one();
    Result<void> waited;
    while (!self.taken && !closed_ && waited) waited = check(self.changed.wait(lock, deadline));
    if (self.taken) return {};
    items_.erase(std::ranges::find(items_, &self, &Item::sender));
    if (closed_) return fail(ErrorCode::kClosed, "the queue is closed");
    return waited;
  }

  const std::size_t capacity_;
  mutable Mutex mutex_;
  // All GUARDED_BY(mutex_).
  std::deque<Item> items_;
  bool closed_ = false;
  std::size_t waiting_consumers_ = 0;
  Condition room_{WaitKind::kRoom};
  Condition filled_{WaitKind::kItem};
};

}  // namespace saola::runtime
