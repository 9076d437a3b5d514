// What a Future, its producer and its waiters share. For this module's own use.
//
//   kPending ──start()──► kRunning ──claim()──► kSetting ──finish()──► kFinished
//      │  └─────────────────claim()───────────────▲
//      └──cancel()──► kCancelled
//
// kCancelled and kFinished are "done" and never change. kSetting is the short time in which the
// producer moves the value in; to everybody else it is kRunning.
//
// Who may do what:
//
//   * guard_ decides between a cancel and a start, and between two producers: each step is made
//     under it, and whoever comes second is refused.
//   * The result (value_ or error_) belongs to whoever made the step to kSetting until finish()
//     publishes it; from then on it is constant, and take() moves it out for one caller.
//   * Waiters, observers and callbacks registered before the end are served once, by whoever ends
//     it; those that come later find it done.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

#include <saola/base/time.hpp>
#include <saola/futures/errors.hpp>
#include <saola/runtime/inherited_local.hpp>
#include <saola/runtime/park.hpp>
#include <saola/runtime/task.hpp>

namespace saola::futures::detail {

class FutureBranch;
class StateBase;
class WorkerPool;

// Whoever waits for several futures: notified of the end of each that it watches.
class Observer {
 public:
  // Called once, under the future's lock: must not block.
  virtual void done(StateBase& state) = 0;

 protected:
  ~Observer() = default;
};

// The steps above, in an order that lets done() be one comparison.
enum class Phase : std::uint8_t { kPending, kRunning, kSetting, kCancelled, kFinished };

// The part of a future's state that is the same for all results. Every call from any task or
// thread.
class StateBase {
 public:
  StateBase() = default;
  StateBase(const StateBase&) = delete;
  StateBase& operator=(const StateBase&) = delete;

  // The acquire pairs with the release that stores a done phase: the result is then visible.
  Phase phase() const { return phase_.load(std::memory_order_acquire); }
  bool done() const { return phase() >= Phase::kCancelled; }
  // The exception it finished with, or null. REQUIRES: done.
  const std::exception_ptr& error() const { return error_; }

  // For consumers. Cancels work that has not begun: true when it is cancelled, now or before; false
  // when it runs or has ended. Callbacks have run when it returns true.
  bool cancel();
  // cancel(), or a request to the running work, whose stop_token then says so. False when it has
  // ended or takes no token.
  bool request_stop();
  // Until it is done. False at the deadline; throws runtime::Cancelled. Counts the caller as
  // blocked, if it is a worker of the same pool, see Executor. SUSPENDS.
  bool wait(Deadline deadline);
  // Calls `callback` at the end, by whoever ends it, or now when it is done already. What it throws
  // is logged.
  void add_callback(std::move_only_function<void()> callback);

  // False, and nothing registered, when it is done already: then done() is not called.
  bool add_observer(Observer& observer);
  // Does nothing when it was notified already. The observer may go away after it.
  void remove_observer(Observer& observer);

  // For producers. The work begins: false when it was cancelled and must not be done; throws
  // InvalidStateError when it was started before.
  bool start();
  // Ends it with an exception. Throws InvalidStateError when it is done, or another is setting a
  // result.
  void fail(std::exception_ptr error);
  // Fails it with BrokenPromise unless it has a result or is cancelled, now or in this moment.
  void abandon();

  // The pool whose worker will run it, or null: for finding deadlocks.
  WorkerPool* pool() const { return pool_.get(); }

 protected:
  ~StateBase() = default;
  // Takes the right to set the result; throws InvalidStateError when another has it.
  void claim();
  // The same; false when another has it, or it is cancelled.
  bool try_claim();
  // Publishes what was set since claim().
  void finish();

  std::exception_ptr error_;  // written between claim() and finish()
  // Set before the state is shared, then constant. Shared because a future may outlive its
  // executor.
  std::shared_ptr<WorkerPool> pool_;
  std::stop_source stop_{std::nostopstate};

 private:
  friend class FutureBranch;
  // Wakes, notifies and calls back; takes guard_ locked.
  void end(Phase phase);

  std::atomic<Phase> phase_{Phase::kPending};  // written under guard_
  runtime::SpinLock guard_;
  runtime::WaitQueue waiters_{runtime::WaitKind::kFuture};  // GUARDED_BY(guard_)
  std::vector<Observer*> observers_;                        // GUARDED_BY(guard_)
  std::vector<std::move_only_function<void()>> callbacks_;  // GUARDED_BY(guard_)
};

// `void` results are kept as this.
struct Nothing {};

// The part with the result: a T, or Nothing for void.
template <typename T>
class State : public StateBase {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, Nothing, T>;

  // Virtual for Submitted, which is owned as one.
  virtual ~State() = default;

  // Ends it with a result made from `args`; a constructor that throws ends it with that exception.
  // Throws InvalidStateError when it is done, or another is setting a result.
  template <typename... Args>
  void set(Args&&... args) {
    claim();
    try {
      value_.emplace(std::forward<Args>(args)...);
    } catch (...) {
      error_ = std::current_exception();
    }
    finish();
  }
  // The result. REQUIRES: done, not cancelled, without an exception.
  Value& value() { return *value_; }

 private:
  std::optional<Value> value_;  // written between claim() and finish()
};

// What an executor queues: a function and the state that gets its result.
class Work {
 public:
  virtual ~Work() = default;
  // Runs it, or skips it when it was cancelled. Throws nothing.
  virtual void run() = 0;
  // The future's, for cancelling and counting without knowing the type.
  virtual StateBase& state() = 0;

  std::shared_ptr<Work> next;  // in the queue; GUARDED_BY the queue's lock
};

// A submitted function and its future in one allocation. The function is destroyed before the
// future is done, so that what it holds is gone when anybody sees the end.
template <typename R, typename F>
class Submitted final : public State<R>, public Work {
 public:
  // Whether it wants to hear of request_stop().
  static constexpr bool kTakesStop = std::is_invocable_v<F&, std::stop_token>;

  Submitted(F function, std::shared_ptr<WorkerPool> pool) : function_(std::move(function)) {
    this->pool_ = std::move(pool);
    if constexpr (kTakesStop) this->stop_ = std::stop_source();
  }

  void run() override {
    if (!this->start()) {
      function_.reset();
      return;
    }
    std::optional<typename State<R>::Value> value;
    std::exception_ptr error;
    try {
      const runtime::InheritedValues::Use in_the_name_of(submitter_);
      if constexpr (std::is_void_v<R>) {
        call();
        value.emplace();
      } else {
        value.emplace(call());
      }
    } catch (const runtime::Cancelled&) {
      // To whoever waits, the work was cancelled, not the waiting task.
      error = std::make_exception_ptr(CancelledError());
    } catch (...) {
      error = std::current_exception();
    }
    // What the function holds is gone before anybody sees the end.
    function_.reset();
    if (error != nullptr) {
      this->fail(std::move(error));
    } else {
      this->set(*std::move(value));
    }
  }
  StateBase& state() override { return *this; }

 private:
  R call() {
    if constexpr (kTakesStop) {
      return (*function_)(this->stop_.get_token());
    } else {
      return (*function_)();
    }
  }

  std::optional<F> function_;
  const runtime::InheritedValues submitter_ = runtime::InheritedValues::of_this_task();
};

}  // namespace saola::futures::detail
