// A descriptor registered with a loop's epoll, edge-triggered for both directions.
#pragma once

#include <atomic>
#include <cstdint>

#include <saola/base/error.hpp>

#include "loop/fiber.hpp"

namespace saola::runtime::detail {

// Why a wait ended without what it was for: kTimedOut or kCancelled, and `doing` what.
Error wait_error(Wake wake, std::string_view doing = "while waiting for a descriptor");

struct FdWatch {
  FdWatch(Loop& l, int descriptor) : loop(l), fd(descriptor) {}
  Loop& loop;
  const int fd;
  // Owned by the loop's owner.
  bool readable = false;  // an edge was seen and not used up by a wait
  bool writable = false;
  // The peer's end of stream (or an error) was seen: reading may have more to tell than bytes. Set
  // by the loop's owner, read by the socket's reader, who may have lost the loop meanwhile.
  std::atomic<bool> ended{false};
  WaitNode* reader = nullptr;
  WaitNode* writer = nullptr;
  InboxNode retire_node{InboxNode::Kind::kRetireWatch, this, nullptr};

  void on_events(std::uint32_t events);
};

}  // namespace saola::runtime::detail
