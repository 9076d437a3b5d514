// Fiber: a task with a stack of its own, run by a Loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "loop/carrier.hpp"
#include "loop/inbox.hpp"
#include "loop/stack_pool.hpp"
#include "task_state.hpp"

namespace saola::runtime::detail {

class Loop;

// Where a fiber's slices run.
enum class Place : std::uint8_t {
  kLoop,  // on the thread that carries the loop
  kSide,  // on a side carrier, because it or its kind has hogged the loop
};

struct LockWait;

// Blocks, and the stacks in them, are never given back to the system while their loop lives, so that
// the monitor may look at the atomic members of a fiber that has just ended; it throws away what it
// saw unless the ownership word is unchanged.
struct Fiber final : TaskState {
  Fiber(Loop& owner, Stack its_stack)
      : TaskState(TaskKind::kFiber), loop(owner), stack(its_stack) {}

  Loop& loop;
  const Stack stack;

  // ---- Owned by whoever owns the loop or, while its place is the side, by the holder of the side's
  // lock; by its thread while the fiber runs.
  Context context;  // without a stack pointer until it has run
  Fiber* next_ready = nullptr;
  Waiter* parked = nullptr;   // the wait that it is in; null when it is ready or runs
  Waiter* waiting = nullptr;  // the same if a cancel ends it
  LockWait* lock_wait = nullptr;

  // ---- Any thread.
  // Changed by the owner (above) only. Release before the waiter's state says parked, so that who
  // ends the wait sends the fiber to the right place; sequentially consistent with cancel_requested
  // where it becomes kSide, see Side::leave().
  std::atomic<Place> place{Place::kLoop};
  // An inbox node is in flight at most once: kReady by Waiter::claim()'s single winner, kCancel by
  // cancel_requested's single setter.
  InboxNode ready_node{InboxNode::Kind::kReady, this, nullptr};
  InboxNode cancel_node{InboxNode::Kind::kCancel, this, nullptr};
  // Who spawned it, and what placement is learned for; written before the fiber first runs, and by
  // run_placed(). The hash is of the kind, or of the site where there is none.
  std::atomic<const char*> site_file{nullptr};
  std::atomic<std::uint32_t> site_line{0};
  SharedText<96> kind;
  std::atomic<std::uint64_t> kind_hash{0};
  // May the monitor learn from it?
  std::atomic<bool> learnable{false};
  // Until when (ns of steady time) this one fiber stays away from the loop, whatever its kind.
  std::atomic<std::int64_t> exiled_until_ns{0};
  // Its id from when it may first run until it is buried, else 0: for lists. Release, when all that a
  // list shows has been written; a reader (acquire) looks again when it has read: the same id says
  // that it was one task's. (Hints, as `cpu_ns`, may be of the next one all the same.)
  std::atomic<std::uint64_t> listed{0};
  Fiber* next_free = nullptr;

  void interrupt() override;
  void dispose() override;
  Wake park(Waiter& waiter, Deadline deadline, Cancellable cancellable) override;
  void unpark(std::atomic<std::uint32_t>* waiter_state) override;
};

}  // namespace saola::runtime::detail
