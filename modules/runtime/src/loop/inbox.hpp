// What other threads hand to a loop or to its side.
#pragma once

#include <cstdint>

namespace saola::runtime::detail {

// A fiber embeds one for being made ready (also:
// for its end) and one for being cancelled, so that neither needs memory.
struct InboxNode {
  enum class Kind : std::uint8_t {
    kReady,
    kEnded,
    kCancel,
    kRetireWatch,
    kNativeEnded,
    kLockQuestion
  };
  Kind kind = Kind::kReady;
  void* subject = nullptr;
  InboxNode* next = nullptr;
};

}  // namespace saola::runtime::detail
