// Inbox: how many threads hand something to one without waiting for anybody.
//
//   struct Wake { Wake* next = nullptr; Fiber* fiber = nullptr; };
//   Inbox<Wake> wakes;
//
//   if (wakes.push(wake)) poke(receiver);                     // a sender; true: it was empty
//   for (Wake* w = wakes.take(); w != nullptr;) {             // the receiver, oldest first
//     Wake* const next = w->next;                             // read before the node is let go
//     run(*std::exchange(w, next)->fiber);
//   }
#pragma once

#include <atomic>
#include <utility>

namespace saola {

// A lock-free stack of nodes that are the senders' memory (Treiber's, without a pop of one, and so
// without its ABA problem); `Node` has a member `Node* next`, which is the inbox's from push()
// until take(). Many senders, one receiver at a time. The destructor does not look at nodes left
// inside.
//
// The push releases what came before it, the taking acquires it. The push and empty() are
// sequentially consistent, for handshakes with a receiver that goes to sleep: it says so, then asks
// empty(); the sender pushes, then looks whether it sleeps.
template <typename Node>
class Inbox {
 public:
  // Adds `node`; any thread. True: the inbox was empty, so the receiver may have to be woken. The
  // receiver may have taken the node, and its memory be gone, when this returns.
  bool push(Node& node) {
    Node* head = head_.load(std::memory_order_relaxed);
    do {
      node.next = head;
    } while (!head_.compare_exchange_weak(head, &node));
    return head == nullptr;
  }
  // Any thread.
  bool empty() const { return head_.load() == nullptr; }
  // A hint that costs nothing: a node pushed just now may be missed.
  const Node* newest() const { return head_.load(std::memory_order_relaxed); }
  // All nodes, the oldest first, linked by `next`; null when there are none. The receiver. Linear
  // in their number.
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
