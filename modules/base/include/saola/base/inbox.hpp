// Inbox: how many threads hand something to one without waiting for anybody.
#pragma once

#include <atomic>
#include <utility>

namespace saola {

// A lock-free list of nodes that are the senders' memory; `Node` has a member `Node* next`. Many
// senders, one receiver at a time.
//
// The push releases what came before it, the taking acquires it. The push and empty() are
// sequentially consistent, for handshakes with a receiver that goes to sleep: it says so, then asks
// empty(); the sender pushes, then looks whether it sleeps.
template <typename Node>
class Inbox {
 public:
  // Returns whether it was empty. The node may be gone when it returns.
  bool push(Node& node) {
    Node* head = head_.load(std::memory_order_relaxed);
    do {
      node.next = head;
    } while (!head_.compare_exchange_weak(head, &node));
    return head == nullptr;
  }
  bool empty() const { return head_.load() == nullptr; }
  // A hint that costs nothing: a node pushed just now may be missed.
  const Node* newest() const { return head_.load(std::memory_order_relaxed); }
  // All nodes, the oldest first, linked by `next`.
  Node* take() {
    Node* node = head_.exchange(nullptr, std::memory_order_acquire);
    Node* in_order = nullptr;
    while (node != nullptr) {
      Node* next = std::exchange(node->next, in_order);
      in_order = node;
      node = next;
    }
    return in_order;
  }

 private:
  std::atomic<Node*> head_{nullptr};
};

}  // namespace saola
