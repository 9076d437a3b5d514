// Future: the result of work that runs elsewhere. Works across fibers, threads and loops: waiting
// suspends a fiber and blocks a plain thread.
//
//   Future<Page> page = executor.submit(download, url);
//   page.add_done_callback([](const Future<Page>& done) { log_info("downloaded"); });
//   show(page.result(Deadline::after(5s)));     // or throws what download() threw, or TimeoutError
//
// A result of your own making:
//
//   Promise<int> answer;
//   Future<int> promised = answer.future();
//   std::thread([answer = std::move(answer)]() mutable { answer.set_result(compute()); }).detach();
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/futures/errors.hpp>
#include <saola/futures/future_state.hpp>

namespace saola::futures {

class Executor;

// A handle; copies name the same future. Thread-safe, but for assignment to one handle. Dropping
// handles cancels nothing: the work goes on.
template <typename T>
class Future {
 public:
  Future() = default;
  // False for a default-constructed handle. Every other member REQUIRES valid().
  bool valid() const { return state_ != nullptr; }

  // Withdraws work that has not begun. True when the future is cancelled, now or before; then it is
  // done, and its callbacks have run. False when the work runs or has ended.
  bool cancel() const { return state_->cancel(); }
  // cancel(), or else asks the running work to stop: its std::stop_token says so, and it decides.
  // False when it has ended, or takes no token.
  //
  //   Future<Image> image = pool.submit([](std::stop_token stop, Photo photo) {
  //     return render(photo, [&] { return stop.stop_requested(); });
  //   }, photo);
  //   image.request_stop();
  bool request_stop() const { return state_->request_stop(); }

  // Withdrawn before its work began. Work that lets itself be cancelled ends with a CancelledError
  // instead, and is not cancelled().
  bool cancelled() const { return state_->phase() == detail::Phase::kCancelled; }
  // Begun and not ended.
  bool running() const {
    const auto phase = state_->phase();
    return phase == detail::Phase::kRunning || phase == detail::Phase::kSetting;
  }
  // Cancelled, or ended with a result or an exception.
  bool done() const { return state_->done(); }

  // Waits for the end. kTimedOut at the deadline: the work goes on. SUSPENDS; throws
  // runtime::Cancelled when the waiting task is cancelled.
  Result<void> wait(Deadline deadline = Deadline::never()) const {
    if (state_->wait(deadline)) return {};
    return fail(ErrorCode::kTimedOut, "the deadline passed before the future was done");
  }
  // A copy of the result. Throws what the work threw, CancelledError, or TimeoutError at the
  // deadline. SUSPENDS as wait().
  T result(Deadline deadline = Deadline::never()) const
    requires(std::is_void_v<T> || std::copy_constructible<T>)
  {
    wait_or_rethrow(deadline);
    if constexpr (!std::is_void_v<T>) return state_->value();
  }
  // The result itself, moved out: for results that cannot be copied. Once, and instead of result().
  T take(Deadline deadline = Deadline::never()) const
    requires(!std::is_void_v<T>)
  {
    wait_or_rethrow(deadline);
    return std::move(state_->value());
  }
  // What the work threw, or null: for whoever does not want it thrown. Throws CancelledError and
  // TimeoutError. SUSPENDS as wait().
  std::exception_ptr exception(Deadline deadline = Deadline::never()) const {
    if (!state_->wait(deadline)) throw TimeoutError();
    if (cancelled()) throw CancelledError();
    return state_->error();
  }

  // Calls `callback` when the future is done: in the order of addition, by whoever ends it, which
  // may be a pool's worker: be short. At once, by the caller, when it is done already. What it
  // throws is logged. It holds the future until it has run.
  template <std::invocable<const Future&> F>
  void add_done_callback(F callback) const {
    state_->add_callback([future = *this, f = std::move(callback)]() mutable { f(future); });
  }

  friend bool operator==(const Future& a, const Future& b) { return a.state_ == b.state_; }

 private:
  template <typename U>
  friend class Promise;
  template <typename U>
  friend class FutureAccess;
  friend class Executor;

  explicit Future(std::shared_ptr<detail::State<T>> state) : state_(std::move(state)) {}

  void wait_or_rethrow(Deadline deadline) const {
    if (const auto error = exception(deadline); error != nullptr) std::rethrow_exception(error);
  }

  // Shared by all handles, the producer and the queue.
  std::shared_ptr<detail::State<T>> state_;
};

// The producer's end, for work that no executor runs. Move-only; used by one task at a time. One
// result, any number of futures.
template <typename T>
class Promise {
 public:
  Promise() : state_(std::make_shared<detail::State<T>>()) {}
  Promise(Promise&&) noexcept = default;
  Promise& operator=(Promise&& other) noexcept {
    Promise old(std::move(*this));
    state_ = std::move(other.state_);
    return *this;
  }
  // Without a result, the future fails with BrokenPromise.
  ~Promise() {
    if (state_ != nullptr) state_->abandon();
  }

  // A handle to the future; as many as are wanted, at any time.
  Future<T> future() const { return Future<T>(state_); }

  // To be called before the work: false when it was cancelled and must not be done. From then on it
  // cannot be cancelled. Throws InvalidStateError when called twice.
  //
  //   if (!promise.set_running_or_notify_cancel()) return;
  //   try {
  //     promise.set_result(compute());
  //   } catch (...) {
  //     promise.set_exception(std::current_exception());
  //   }
  bool set_running_or_notify_cancel() { return state_->start(); }
  // Ends the future. Throws InvalidStateError when it is done already, cancelled included.
  template <typename... Args>
  void set_result(Args&&... value) {
    state_->set(std::forward<Args>(value)...);
  }
  // Ends the future with an exception. Throws as set_result().
  void set_exception(std::exception_ptr error) { state_->fail(std::move(error)); }

 private:
  // Shared with the futures.
  std::shared_ptr<detail::State<T>> state_;
};

// Lets this module reach a future's state.
template <typename T>
class FutureAccess {
 public:
  static detail::StateBase& state(const Future<T>& future) { return *future.state_; }
};

}  // namespace saola::futures
