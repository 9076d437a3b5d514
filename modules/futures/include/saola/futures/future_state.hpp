// What a Future, its producer and its waiters share. For this module's own use.
//
//   kPending ──start()──► kRunning ──claim()──► kSetting ──finish()──► kFinished
//      │  └─────────────────claim()───────────────▲
//      └──cancel()──► kCancelled
//
// kCancelled and kFinished are "done" and never change. kSetting is the short time in which the
// producer moves the value in; to everybody else it is kRunning.
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

// Told of the end of a future it watches.
class Observer {
 public:
  // Called once, under the future's lock: must not block.
  virtual void done(StateBase& state) = 0;

 protected:
  ~Observer() = default;
};

enum class Phase : std::uint8_t { kPending, kRunning, kSetting, kCancelled, kFinished };

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

  // False when it runs or has finished; true when it is cancelled now.
  bool cancel();
  // cancel(), or a request to the running work; false when nothing listens.
  bool request_stop();
  // False at the deadline; throws runtime::Cancelled. SUSPENDS.
  bool wait(Deadline deadline);
  // `callback` at the end, or now.
  void add_callback(std::move_only_function<void()> callback);

  // False, and nothing registered, when it is done already.
  bool add_observer(Observer& observer);
  void remove_observer(Observer& observer);

  // For producers. False when it was cancelled; throws InvalidStateError when it did not wait to
  // start.
  bool start();
  void fail(std::exception_ptr error);
  // Fails it with BrokenPromise unless it has a result or is cancelled, now or in this moment.
  void abandon();

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
  // Wakes, tells and calls back; takes guard_ locked.
  void end(Phase phase);

  std::atomic<Phase> phase_{Phase::kPending};  // written under guard_
  runtime::SpinLock guard_;
  runtime::WaitQueue waiters_{runtime::WaitKind::kFuture};  // GUARDED_BY(guard_)
  std::vector<Observer*> observers_;                        // GUARDED_BY(guard_)
  std::vector<std::move_only_function<void()>> callbacks_;  // GUARDED_BY(guard_)
};

// `void` results are kept as this.
struct Nothing {};

template <typename T>
class State : public StateBase {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, Nothing, T>;

  virtual ~State() = default;

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
  // REQUIRES: finished without an exception.
  Value& value() { return *value_; }

 private:
  std::optional<Value> value_;  // written between claim() and finish()
};

// Queued by an executor.
class Work {
 public:
  virtual ~Work() = default;
  // Runs it, or skips it when it was cancelled. Throws nothing.
  virtual void run() = 0;
  virtual StateBase& state() = 0;

  std::shared_ptr<Work> next;  // in the queue; GUARDED_BY the queue's lock
};

// A submitted function and its future in one allocation.
template <typename R, typename F>
class Submitted final : public State<R>, public Work {
 public:
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
