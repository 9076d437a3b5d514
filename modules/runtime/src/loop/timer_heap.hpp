// Deadlines of parked fibers: a binary heap in which each Waiter knows its place. Owned by the
// loop's owner, or by the holder of the side's lock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <new>
#include <vector>

#include <saola/base/time.hpp>

#include "task_state.hpp"

namespace saola::runtime::detail {

class TimerHeap {
 public:
  bool empty() const { return entries_.empty(); }
  SteadyTime next() const { return entries_.empty() ? SteadyTime::max() : entries_.front().time; }

  // Makes sure that the next add() needs no memory. False when there is none to be had.
  bool make_room() noexcept {
    if (entries_.size() < entries_.capacity()) return true;
    try {
      entries_.reserve(std::max<std::size_t>(64, entries_.capacity() * 2));
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  // REQUIRES: make_room() returned true since the last add().
  void add(SteadyTime time, Waiter& waiter) {
    entries_.push_back({time, &waiter});
    WaiterAccess::timer_slot(waiter) = static_cast<std::uint32_t>(entries_.size());
    sift_up(entries_.size() - 1);
  }

  // Does nothing when the waiter has no timer.
  void remove(Waiter& waiter) {
    const std::uint32_t slot = WaiterAccess::timer_slot(waiter);
    if (slot == 0) return;
    WaiterAccess::timer_slot(waiter) = 0;
    const std::size_t hole = slot - 1;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (hole == entries_.size()) return;
    place(hole, last);
    sift_up(hole);
    sift_down(WaiterAccess::timer_slot(*last.waiter) - 1);
  }

  // Takes out the earliest if it is due, else null.
  Waiter* pop_due(SteadyTime now) {
    if (entries_.empty() || entries_.front().time > now) return nullptr;
    Waiter* waiter = entries_.front().waiter;
    remove(*waiter);
    return waiter;
  }

 private:
  struct Entry {
    SteadyTime time;
    Waiter* waiter;
  };

  void place(std::size_t i, Entry entry) {
    entries_[i] = entry;
    WaiterAccess::timer_slot(*entry.waiter) = static_cast<std::uint32_t>(i + 1);
  }
  void sift_up(std::size_t i) {
    const Entry entry = entries_[i];
    while (i > 0 && entry.time < entries_[(i - 1) / 2].time) {
      place(i, entries_[(i - 1) / 2]);
      i = (i - 1) / 2;
    }
    place(i, entry);
  }
  void sift_down(std::size_t i) {
    const Entry entry = entries_[i];
    for (std::size_t child; (child = 2 * i + 1) < entries_.size(); i = child) {
      if (child + 1 < entries_.size() && entries_[child + 1].time < entries_[child].time) ++child;
      if (entries_[child].time >= entry.time) break;
      place(i, entries_[child]);
    }
    place(i, entry);
  }

  std::vector<Entry> entries_;
};

}  // namespace saola::runtime::detail
