// Fiber: a task with a stack of its own, run by a Loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "loop/carrier.hpp"
#include "loop/stack_pool.hpp"
#include "task_state.hpp"

namespace saola::runtime::detail {

class Loop;

// What other threads send to a loop. A fiber embeds one for being made ready and one for being
// cancelled, so that neither needs memory.
struct InboxNode {
  enum class Kind : std::uint8_t { kReady, kCancel, kRetireWatch, kNativeEnded, kLockQuestion };
  Kind kind = Kind::kReady;
  void* subject = nullptr;
  InboxNode* next = nullptr;
};

// Blocks are never given back to the system while their loop lives, so that the monitor may look at
// the atomic members of a fiber that has just ended; it throws away what it saw unless the
// ownership word is unchanged.
struct Fiber final : TaskState {
  explicit Fiber(Loop& owner) : TaskState(TaskKind::kFiber), loop(owner) {}

  Loop& loop;
  // Owned by whoever owns the loop, except while the fiber runs.
  Context context;
  Stack stack;
  Fiber* next_ready = nullptr;
  Waiter* waiting = nullptr;  // parked, and may be cancelled
  // An inbox node is in flight at most once: kReady by Waiter::claim()'s single winner, kCancel by
  // cancel_requested's single setter.
  InboxNode ready_node{InboxNode::Kind::kReady, this, nullptr};
  InboxNode cancel_node{InboxNode::Kind::kCancel, this, nullptr};
  // Who spawned it, and what placement is learned for; written before the fiber first runs.
  std::atomic<const char*> site_file{nullptr};
  std::atomic<std::uint32_t> site_line{0};
  SharedText<96> kind;
  // May the monitor learn from it?
  std::atomic<bool> learnable{false};
  // The stack's bounds, for the monitor.
  std::atomic<std::uintptr_t> lowest{0};
  std::atomic<std::uintptr_t> highest{0};
  Fiber* next_free = nullptr;

  void interrupt() override;
  void dispose() override;
  Wake park(Waiter& waiter, Deadline deadline, Cancellable cancellable) override;
  void unpark(std::atomic<std::uint32_t>* waiter_state) override;
};

}  // namespace saola::runtime::detail
