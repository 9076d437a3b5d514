// Inbox: how other threads hand something to a loop or to its side without waiting for anybody.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace saola::runtime::detail {

// What other threads send to a loop or to its side. A fiber embeds one for being made ready (also:
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

// Many senders, one receiver at a time; the nodes are the senders' memory. The push releases what
// came before it, the taking acquires it. The push and empty() are sequentially consistent, for
// handshakes with a receiver that goes to sleep: it says so, then asks empty(); the sender pushes,
// then looks whether it sleeps.
class Inbox {
 public:
  // Returns whether it was empty. The node may be gone when it returns.
  bool push(InboxNode& node) {
    InboxNode* head = head_.load(std::memory_order_relaxed);
    do {
      node.next = head;
    } while (!head_.compare_exchange_weak(head, &node));
    return head == nullptr;
  }
  bool empty() const { return head_.load() == nullptr; }
  // A hint that costs nothing: a node pushed just now may be missed.
  const InboxNode* newest() const { return head_.load(std::memory_order_relaxed); }
  // All nodes, the oldest first, linked by `next`.
  InboxNode* take() {
    InboxNode* node = head_.exchange(nullptr, std::memory_order_acquire);
    InboxNode* in_order = nullptr;
    while (node != nullptr) {
      InboxNode* next = std::exchange(node->next, in_order);
      in_order = node;
      node = next;
    }
    return in_order;
  }

 private:
  std::atomic<InboxNode*> head_{nullptr};
};

}  // namespace saola::runtime::detail
