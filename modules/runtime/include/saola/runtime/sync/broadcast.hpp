// Every message to every receiver.
//
//   Broadcast<Change> changes(256);
//   auto receiver = changes.subscribe();        // before the first send() that it is to see
//   …
//   while (auto got = receiver.receive()) {     // until the channel is closed
//     if (got->missed > 0) reload_everything(); // too slow: that many were dropped
//     else apply(got->message);
//   }
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <saola/base/check.hpp>
#include <saola/base/error.hpp>
#include <saola/runtime/select.hpp>
#include <saola/runtime/sync/condition.hpp>
#include <saola/runtime/sync/mutex.hpp>

namespace saola::runtime {

// A channel in which each receiver sees every message that was sent since it subscribed.
//
// send() never waits for receivers: the last `capacity` messages are kept, whether or not anybody
// wants them, and a receiver that falls further behind learns how many it missed. Usable from any
// fiber and any thread; messages are copied out.
template <typename T>
class Broadcast {
  // The last messages and who waits for the next. Lives as long as the channel or a receiver.
  struct State {
    explicit State(std::size_t n) : capacity(n) {}
    const std::size_t capacity;
    Mutex mutex;
    // All GUARDED_BY(mutex).
    Condition changed{WaitKind::kBroadcast};
    std::deque<T> kept;
    std::uint64_t sent = 0;  // kept holds numbers [sent - kept.size(), sent)
    bool closed = false;
  };

 public:
  // A message as one receiver got it.
  struct Received {
    T message;
    std::uint64_t missed = 0;  // messages dropped just before this one
  };

  class ReceiveBranch;

  // One reader of the channel, used by one task at a time; a copy reads on from the same place on
  // its own. May outlive the channel.
  class Receiver {
   public:
    // The next message. kClosed when the channel is closed and all was received; kTimedOut,
    // kCancelled. A message that is there is taken, even at the deadline. SUSPENDS while there is
    // none.
    Result<Received> receive(Deadline deadline = Deadline::never()) {
      std::unique_lock lock(state_->mutex);
      while (!ready()) {
        const Wake wake = state_->changed.wait(lock, deadline);
        if (wake == Wake::kNotified || ready()) continue;
        if (wake == Wake::kCancelled) {
          return fail(this_task::cancelled_error("while waiting for a broadcast"));
        }
        return fail(ErrorCode::kTimedOut, "the deadline passed while waiting for a broadcast");
      }
      if (auto received = take()) return *std::move(received);
      return fail(ErrorCode::kClosed, "the broadcast channel is closed");
    }
    // As receive(), but never waits for a message: nullopt when there is none now.
    std::optional<Received> try_receive() {
      const std::lock_guard lock(state_->mutex);
      return take();
    }

   private:
    friend class Broadcast;
    friend class ReceiveBranch;
    Receiver(std::shared_ptr<State> state, std::uint64_t at) : state_(std::move(state)), at_(at) {}

    // Messages are numbered from 0; at_ is the number of the next one for this receiver. Those that
    // are not kept any more are skipped and counted. REQUIRES of both: the mutex is held.
    bool ready() const { return at_ < state_->sent || state_->closed; }
    std::optional<Received> take() {
      if (at_ == state_->sent) return std::nullopt;
      const std::uint64_t oldest = state_->sent - state_->kept.size();
      const std::uint64_t number = std::max(at_, oldest);
      Received received{state_->kept[static_cast<std::size_t>(number - oldest)], number - at_};
      at_ = number + 1;
      return received;
    }

    std::shared_ptr<State> state_;  // shared with the channel and its other receivers
    std::uint64_t at_;              // the number of the next message for us
  };

  // The branch of select() that on_receive() makes.
  class ReceiveBranch final : public detail::ConditionBranch {
   public:
    ReceiveBranch(Receiver& receiver, std::optional<Received>& into)
        : ConditionBranch(receiver.state_->mutex, receiver.state_->changed),
          receiver_(receiver),
          into_(into) {}

   private:
    bool ready_locked() override { return receiver_.ready(); }
    bool take_locked() override {
      if (!receiver_.ready()) return false;
      into_ = receiver_.take();
      return true;
    }
    Receiver& receiver_;
    std::optional<Received>& into_;
  };

  // For select(): the next message, in `into`; empty when the channel is closed and all was
  // received.
  //
  //   std::optional<Broadcast<Change>::Received> got;
  //   while (select(Deadline::never(), on_set(stop), on_receive(receiver, got)) == 1 && got) {
  //     apply(got->message);
  //   }
  friend ReceiveBranch on_receive(Receiver& receiver, std::optional<Received>& into) {
    return {receiver, into};
  }

  // Keeps the last `capacity` messages. REQUIRES: capacity > 0.
  explicit Broadcast(std::size_t capacity) : state_(std::make_shared<State>(capacity)) {
    SAOLA_CHECK(capacity > 0, "a Broadcast keeps one message or more");
  }
  // Closes it.
  ~Broadcast() { close(); }
  Broadcast(const Broadcast&) = delete;
  Broadcast& operator=(const Broadcast&) = delete;

  // A receiver of everything that is sent from now on. As many as are wanted: one costs nothing
  // until it receives, and nothing need be done to end it.
  Receiver subscribe() const {
    const std::lock_guard lock(state_->mutex);
    return Receiver(state_, state_->sent);
  }
  // To every receiver there is; beyond `capacity` messages the oldest is dropped. REQUIRES: not
  // closed.
  void send(T message) {
    const std::lock_guard lock(state_->mutex);
    SAOLA_CHECK(!state_->closed, "a message was sent to a closed Broadcast");
    if (state_->kept.size() == state_->capacity) state_->kept.pop_front();
    state_->kept.push_back(std::move(message));
    ++state_->sent;
    state_->changed.notify_all();
  }
  // Receivers get what is left, then kClosed. Idempotent. No send() after it.
  void close() {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    state_->changed.notify_all();
  }

 private:
  std::shared_ptr<State> state_;  // shared with the receivers
};

}  // namespace saola::runtime
