// A descriptor registered with a loop's epoll, edge-triggered for both directions.
#pragma once

#include <atomic>
#include <cstdint>

#include "loop/fiber.hpp"

namespace saola::runtime::detail {

struct FdWatch {
  explicit FdWatch(Loop& l) : loop(l) {}
  Loop& loop;
  int fd = -1;
  // Owned by the loop's owner.
  bool readable = false;  // an edge was seen and not used up by a wait
  bool writable = false;
  // The peer's end of stream (or an error) was seen: reading may have more to tell than bytes. Set
  // by the loop's owner, read by the socket's reader, who may have lost the loop meanwhile.
  std::atomic<bool> ended{false};
  Waiter* reader = nullptr;
  Waiter* writer = nullptr;
  InboxNode retire_node{InboxNode::Kind::kRetireWatch, this, nullptr};

  void on_events(std::uint32_t events);
};

}  // namespace saola::runtime::detail
