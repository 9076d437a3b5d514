// A closable queue between any tasks.
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

// FIFO, many producers, many consumers; usable from any fiber and any thread.
template <typename T>
class Queue {
 public:
  // `capacity` 0: a channel — push() returns when a consumer has taken the item.
  explicit Queue(std::size_t capacity = SIZE_MAX) : capacity_(capacity) {}

  // kTimedOut, kCancelled, or kClosed; then the item was not queued, and no consumer will see it.
  // SUSPENDS while full.
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

  // False when full or closed (always for a channel without a waiting consumer).
  bool try_push(T item) {
    std::unique_lock lock(mutex_);
    if (closed_ || items_.size() >= (capacity_ == 0 ? waiting_consumers_ : capacity_)) return false;
    items_.push_back({std::move(item), nullptr});
    filled_.notify_one();
    return true;
  }

  // kTimedOut, kCancelled, or kClosed once closed and empty. An item that is there is taken, even
  // at the deadline. SUSPENDS while empty.
  Result<T> pop(Deadline deadline = Deadline::never()) {
    std::unique_lock lock(mutex_);
    ++waiting_consumers_;
    Result<void> waited;
    while (items_.empty() && !closed_ && waited) waited = check(filled_.wait(lock, deadline));
    --waiting_consumers_;
    if (!items_.empty()) return take();
    if (closed_) return fail(ErrorCode::kClosed, "the queue is closed");
    return std::unexpected(waited.error());
  }

  std::optional<T> try_pop() {
    std::unique_lock lock(mutex_);
    if (items_.empty()) return std::nullopt;
    return take();
  }

  // No more pushes; consumers get what is left, then kClosed. Idempotent.
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    room_.notify_all();
    filled_.notify_all();
    for (Item& item : items_) {
      if (item.sender != nullptr) item.sender->changed.notify_one();
    }
  }

  std::size_t size() const {
    std::unique_lock lock(mutex_);
    return items_.size();
  }

 private:
  friend class detail::PopBranch<T>;
  static Result<void> check(Wake wake) {
    switch (wake) {
      case Wake::kNotified:
        return {};
      case Wake::kTimedOut:
        return fail(ErrorCode::kTimedOut, "the deadline passed while waiting on a queue");
      case Wake::kCancelled:
        return std::unexpected(this_task::cancelled_error("while waiting on a queue"));
    }
    std::unreachable();
  }

  // A channel's sender, on its own stack, while its item is queued.
  struct Sender {
    Condition changed{WaitKind::kRoom};
    bool taken = false;
  };
  struct Item {
    T value;
    Sender* sender;  // null when nobody waits for it to be taken
  };

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

  // Channel: queue the item, wait until it is taken; take it back if that does not happen in time.
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
