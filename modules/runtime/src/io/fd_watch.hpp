// A descriptor registered with a loop's epoll, edge-triggered for both directions.
#pragma once

#include <atomic>
#include <cstdint>

#include <saola/base/error.hpp>

#include "loop/fiber.hpp"

namespace saola::runtime::detail {

// Why a wait ended without what it was for: kTimedOut or kCancelled, and `doing` what.
Error wait_error(Wake wake, std::string_view doing = "while waiting for a descriptor");
// One direction of a watched descriptor. The loop's owner reports edges and never waits; the task
// that waits may be on the loop, on the side or on another thread by now. One word says all:
//
//   kIdle ── an edge ──► kReady ── a wait takes it ──► kIdle
//     └── a task waits ──► its WaitNode ─ an edge ──► kWaking ── notified ──► kReady
//                               └── it gives up ──► kIdle
//
// While the word is kWaking the node must live: a task that gives up sees that, and waits for the
// few instructions until it has changed.
class FdDirection {
 public:
  // The loop's owner, in its section. Takes no lock and waits for nobody.
  void edge() {
    const std::uintptr_t before = state_.exchange(kWaking, std::memory_order_acq_rel);
    if (before != kIdle && before != kReady) reinterpret_cast<WaitNode*>(before)->notify();
    state_.store(kReady, std::memory_order_release);
  }
  // Takes an edge that nobody has used up yet.
  bool take() {
    std::uintptr_t expected = kReady;
    return state_.compare_exchange_strong(expected, kIdle, std::memory_order_acq_rel,
                                          std::memory_order_acquire);
  }
  // There is something that no edge will tell of.
  void mark() {
    std::uintptr_t expected = kIdle;
    state_.compare_exchange_strong(expected, kReady, std::memory_order_acq_rel,
                                   std::memory_order_relaxed);
  }
  // The next edge notifies `node`. False when there is an edge already, which is then taken.
  bool wait_with(WaitNode& node);
  // The wait is over, for whatever reason. An edge that came meanwhile is taken if `notified`.
  void waited(WaitNode& node, bool notified);
  bool has_waiter() const { return state_.load(std::memory_order_relaxed) > kWaking; }

 private:
  enum : std::uintptr_t { kIdle = 0, kReady = 1, kWaking = 2 };  // a node's address is higher
  std::atomic<std::uintptr_t> state_{kIdle};
};

struct FdWatch {
  FdWatch(Loop& l, int descriptor) : loop(l), fd(descriptor) {}
  Loop& loop;
  const int fd;
  bool registered = false;  // guarded by PollFd's guard
  // The peer's end of stream (or an error) was seen: reading may have more to tell than bytes. Set
  // by the loop's owner before the edge, relaxed; seen late it costs one wait that returns at once.
  std::atomic<bool> ended{false};
  FdDirection reading;
  FdDirection writing;
  InboxNode retire_node{InboxNode::Kind::kRetireWatch, this, nullptr};

  // The loop's owner.
  void on_events(std::uint32_t events);
};

}  // namespace saola::runtime::detail
