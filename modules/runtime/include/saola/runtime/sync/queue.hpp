// A closable queue between any tasks.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include <saola/base/error.hpp>
#include <saola/runtime/sync/condition.hpp>

namespace saola::runtime {

// FIFO, many producers, many consumers; usable from any fiber and any thread.
template <typename T>
class Queue {
 public:
  // `capacity` 0: a channel — push() returns when a consumer has taken the item.
  explicit Queue(std::size_t capacity = SIZE_MAX) : capacity_(capacity) {}

  // kTimedOut, kCancelled, or kClosed; then the item was not queued. SUSPENDS while full.
  Result<void> push(T item, Deadline deadline = Deadline::never()) {
    std::unique_lock lock(mutex_);
    if (capacity_ == 0) return hand_over(std::move(item), deadline, lock);
    while (!closed_ && items_.size() >= capacity_) {
      if (auto waited = check(room_.wait(lock, deadline)); !waited) return waited;
    }
    if (closed_) return fail(ErrorCode::kClosed, "the queue is closed");
    items_.push_back(std::move(item));
    filled_.notify_one();
    return {};
  }

  // False when full or closed (always for a channel without a waiting consumer).
  bool try_push(T item) {
    std::unique_lock lock(mutex_);
    if (closed_ || items_.size() >= (capacity_ == 0 ? waiting_consumers_ : capacity_)) return false;
    items_.push_back(std::move(item));
    ++pushed_;
    filled_.notify_one();
    return true;
  }

  // kTimedOut, kCancelled, or kClosed once closed and empty. SUSPENDS while empty.
  Result<T> pop(Deadline deadline = Deadline::never()) {
    std::unique_lock lock(mutex_);
    ++waiting_consumers_;
    while (items_.empty() && !closed_) {
      if (auto waited = check(filled_.wait(lock, deadline)); !waited) {
        --waiting_consumers_;
        // A notification that came together with the deadline must not be lost.
        if (!items_.empty()) filled_.notify_one();
        return std::unexpected(waited.error());
      }
    }
    --waiting_consumers_;
    if (items_.empty()) return fail(ErrorCode::kClosed, "the queue is closed");
    return take();
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
  }

  std::size_t size() const {
    std::unique_lock lock(mutex_);
    return items_.size();
  }

 private:
  static Result<void> check(Wake wake) {
    switch (wake) {
      case Wake::kNotified:
        return {};
      case Wake::kTimedOut:
        return fail(ErrorCode::kTimedOut, "the deadline passed while waiting on a queue");
      case Wake::kCancelled:
        return fail(ErrorCode::kCancelled, "cancelled while waiting on a queue");
    }
    std::unreachable();
  }

  T take() {
    T item = std::move(items_.front());
    items_.pop_front();
    ++taken_;
    if (capacity_ == 0) {
      room_.notify_all();
    } else {
      room_.notify_one();
    }
    return item;
  }

  // Channel: queue the item, wait until it is taken; take it back if that does not happen in time.
  Result<void> hand_over(T item, Deadline deadline, std::unique_lock<Mutex>& lock) {
    if (closed_) return fail(ErrorCode::kClosed, "the queue is closed");
    items_.push_back(std::move(item));
    const std::uint64_t ticket = ++pushed_;
    filled_.notify_one();
    while (taken_ + withdrawn_ < ticket) {
      auto waited = check(room_.wait(lock, deadline));
      if (taken_ + withdrawn_ >= ticket) break;
      if (!waited || closed_) {
        // Tickets are handed out in the queue's order, so the item's place follows from the counts.
        items_.erase(items_.begin() +
                     static_cast<std::ptrdiff_t>(ticket - taken_ - withdrawn_ - 1));
        ++withdrawn_;
        room_.notify_all();
        if (!waited) return waited;
        return fail(ErrorCode::kClosed, "the queue is closed");
      }
    }
    return {};
  }

  const std::size_t capacity_;
  mutable Mutex mutex_;
  // All GUARDED_BY(mutex_).
  std::deque<T> items_;
  bool closed_ = false;
  std::size_t waiting_consumers_ = 0;
  std::uint64_t pushed_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t withdrawn_ = 0;
  Condition room_;
  Condition filled_;
};

}  // namespace saola::runtime
