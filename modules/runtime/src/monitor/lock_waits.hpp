// Which fibers wait for a lock that a rescued fiber holds. Only the loop's owner knows who waits;
// the monitor, which shares no lock with fibers, asks it through the inbox.
#pragma once

#include <atomic>
#include <cstdint>

#include <saola/base/time.hpp>
#include <saola/observe/stall_report.hpp>

#include "loop/fiber.hpp"

namespace saola::runtime::detail {

// One fiber's wait for a lock, on its stack.
struct LockWait {
  const Fiber& waiter;
  const std::atomic<std::uint64_t>& holder;  // the id of the task that has the lock, 0: nobody
  const SteadyTime since;
  LockWait* next = nullptr;
  LockWait* previous = nullptr;
};

struct LockQuestion {
  struct Asked {
    std::uint64_t holder = 0;
    // The answer: how many tasks wait for its locks, for how long, and who waits longest.
    std::uint64_t tasks = 0;
    Duration longest{};
    char first[96] = {};
    std::size_t first_length = 0;
  };
  static constexpr int kMost = 16;
  // The monitor's while !pending, else the loop's owner's. Set by the monitor, who then sends
  // `node`; the owner's release when it has answered pairs with the monitor's acquire. No memory is
  // taken to answer.
  std::atomic<bool> pending{false};
  int count = 0;
  Asked asked[kMost];
  InboxNode node{InboxNode::Kind::kLockQuestion, this, nullptr};
  // The monitor's: the inbox was empty when the question was put into it.
  bool alone = false;
};

// Owned by the loop's owner.
class LockWaits {
 public:
  void add(LockWait& wait) {
    wait.previous = last_;
    (last_ != nullptr ? last_->next : first_) = &wait;
    last_ = &wait;
  }
  void remove(LockWait& wait) {
    (wait.previous != nullptr ? wait.previous->next : first_) = wait.next;
    (wait.next != nullptr ? wait.next->previous : last_) = wait.previous;
  }
  void answer(LockQuestion& question) const;

 private:
  LockWait* first_ = nullptr;  // the one that has waited longest
  LockWait* last_ = nullptr;
};

}  // namespace saola::runtime::detail
