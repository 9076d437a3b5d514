// The latest value of something, and a wait for the next.
//
//   Watch<Settings> settings(load());
//   auto observer = settings.observe();
//   while (auto now = observer.changed()) apply(*now);   // until the Watch is closed
//
// Where every step counts, not the last one only, use a Broadcast.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <saola/base/error.hpp>
#include <saola/runtime/select.hpp>
#include <saola/runtime/sync/condition.hpp>
#include <saola/runtime/sync/mutex.hpp>

namespace saola::runtime {

// One value that changes, and observers who want to see what it is now, not every step on the way:
// settings, the state of a connection, progress. Usable from any fiber and any thread; values are
// copied out, so that nobody holds a lock while he uses one.
//
//   settings.set(load());                       // wakes every observer
//   const Settings now = settings.get();        // for whoever only looks
template <typename T>
class Watch {
  // The value and who waits for the next. Lives as long as the Watch or an Observer.
  struct State {
    explicit State(T first) : value(std::move(first)) {}
    Mutex mutex;
    // All GUARDED_BY(mutex).
    Condition changed{WaitKind::kWatch};
    T value;
    std::uint64_t version = 0;
    bool closed = false;
  };

 public:
  class ChangeBranch;

  // One who watches. Used by one task at a time; copies watch on their own. May outlive the Watch.
  class Observer {
   public:
    // The value, once it has been set since this observer last saw it; several sets are one change.
    // At once when it was. kClosed when there will be no more; kTimedOut, kCancelled. SUSPENDS.
    Result<T> changed(Deadline deadline = Deadline::never()) {
      std::unique_lock lock(state_->mutex);
      while (!ready()) {
        const Wake wake = state_->changed.wait(lock, deadline);
        if (wake == Wake::kNotified || ready()) continue;
        if (wake == Wake::kCancelled) {
          return fail(this_task::cancelled_error("while waiting for a change"));
        }
        return fail(ErrorCode::kTimedOut, "the deadline passed while waiting for a change");
      }
      if (auto value = take()) return *std::move(value);
      return fail(ErrorCode::kClosed, "what was watched will not change any more");
    }
    // What it is now; it counts as seen. Also after the Watch is gone: then the last value.
    T get() {
      const std::lock_guard lock(state_->mutex);
      seen_ = state_->version;
      return state_->value;
    }

   private:
    friend class Watch;
    friend class ChangeBranch;
    Observer(std::shared_ptr<State> state, std::uint64_t seen)
        : state_(std::move(state)), seen_(seen) {}

    // REQUIRES of both: the mutex is held.
    bool ready() const { return seen_ != state_->version || state_->closed; }
    std::optional<T> take() {
      if (seen_ == state_->version) return std::nullopt;
      seen_ = state_->version;
      return state_->value;
    }

    std::shared_ptr<State> state_;  // shared with the Watch and its other observers
    std::uint64_t seen_;
  };

  // The branch of select() that on_change() makes.
  class ChangeBranch final : public detail::ConditionBranch {
   public:
    ChangeBranch(Observer& observer, std::optional<T>& into)
        : ConditionBranch(observer.state_->mutex, observer.state_->changed),
          observer_(observer),
          into_(into) {}

   private:
    bool ready_locked() override { return observer_.ready(); }
    bool take_locked() override {
      if (!observer_.ready()) return false;
      into_ = observer_.take();
      return true;
    }
    Observer& observer_;
    std::optional<T>& into_;
  };

  // For select(): the changed value, in `into`; empty when there will be no more.
  //
  //   std::optional<Settings> now;
  //   while (select(Deadline::never(), on_set(stop), on_change(observer, now)) == 1 && now) {
  //     apply(*now);
  //   }
  friend ChangeBranch on_change(Observer& observer, std::optional<T>& into) {
    return {observer, into};
  }

  // There is a value from the start: `first`.
  explicit Watch(T first) : state_(std::make_shared<State>(std::move(first))) {}
  // Closes it.
  ~Watch() { close(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // An observer who has seen the present value, so that changed() waits for the next.
  Observer observe() const {
    const std::lock_guard lock(state_->mutex);
    return Observer(state_, state_->version);
  }
  // Every set() is a change, also to an equal value. Wakes all who wait for one. After close() it
  // is still stored, and seen by those who had not seen the last.
  void set(T value) {
    const std::lock_guard lock(state_->mutex);
    state_->value = std::move(value);
    ++state_->version;
    state_->changed.notify_all();
  }
  // What it is now.
  T get() const {
    const std::lock_guard lock(state_->mutex);
    return state_->value;
  }
  // Observers get the last change, then kClosed. Idempotent. get() goes on answering.
  void close() {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    state_->changed.notify_all();
  }

 private:
  std::shared_ptr<State> state_;  // shared with the observers
};

}  // namespace saola::runtime
