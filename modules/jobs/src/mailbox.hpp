// A place for one message between two threads, without a lock: a thread of low priority that is
// interrupted while it posts or takes holds up nobody.
#pragma once

#include <atomic>
#include <memory>

namespace saola::jobs {

template <typename T>
class Mailbox {
 public:
  Mailbox() = default;
  ~Mailbox() { take(); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Replaces a message that nobody has taken.
  void post(std::unique_ptr<T> message) {
    const std::unique_ptr<T> old(slot_.exchange(message.release(), std::memory_order_acq_rel));
  }
  // The message, or null.
  std::unique_ptr<T> take() {
    return std::unique_ptr<T>(slot_.exchange(nullptr, std::memory_order_acq_rel));
  }

 private:
  // Null or an owned message. Each exchange releases what one side wrote to the other's exchange.
  std::atomic<T*> slot_ = nullptr;
};

}  // namespace saola::jobs
