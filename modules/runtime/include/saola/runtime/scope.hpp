// Scopes: a deadline or a cancel for everything that a piece of code does, without handing it down.
//
//   Result<User> user = with_deadline(1s, [&] { return fetch_user(id); });
//
// Whatever fetch_user() calls, and every task that it spawns, is bounded by that second: the calls
// that suspend, and what runs in offload_cpu() and offload_blocking(). Go's context and gevent's
// Timeout, but nobody has to pass it on.
//
// When a scope ends (its deadline passes, or somebody calls cancel()), a suspending call inside it
// does at once what it does when the task is cancelled:
//   * those that throw Cancelled throw ScopeEnded, which is a Cancelled (sleep, yield, Event,
//     Semaphore, Condition, Task::join, TaskGroup, select, Future, …);
//   * those that return a Result (sockets, Queue, Process, resolve) return kTimedOut for a deadline
//     and kCancelled for a cancel, with the scope's name;
//   * those that a cancel does not end (Mutex, SharedMutex, what a this_task::Uncancellable guards)
//     are not ended by a scope either.
// A call's own deadline still counts when it is earlier, and then ends the call the call's own way.
// The scope itself turns ScopeEnded into an error where it was entered. Of several scopes that have
// ended, the innermost is the one that is named and that catches it; the outer one ends the next
// suspending call. Code that does not suspend is not interrupted: it may ask
// this_task::cancel_requested(), which says true then.
#pragma once

#include <atomic>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/runtime/task.hpp>

namespace saola::runtime {

namespace detail {
struct ScopeState;
}

// Thrown out of a suspending call instead of Cancelled when it was a scope that ended. Let it pass,
// as Cancelled: the scope catches it.
class ScopeEnded : public Cancelled {
 public:
  explicit ScopeEnded(std::shared_ptr<detail::ScopeState> scope) : scope_(std::move(scope)) {}
  // The scope's.
  const std::string& name() const;
  // kTimedOut or kCancelled, with the scope's name.
  Error error() const;
  bool is_of(const detail::ScopeState& scope) const { return scope_.get() == &scope; }

 private:
  std::shared_ptr<detail::ScopeState> scope_;  // the exception may outlive the scope
};

namespace detail {

template <typename R>
struct AsResult {
  using Type = Result<R>;
};
template <typename T>
struct AsResult<Result<T>> {
  using Type = Result<T>;
};

}  // namespace detail

// A scope that others may end, too:
//
//   Scope download("download", Deadline::after(1h));
//   Task task = spawn([&] { result = download.run([&] { return get(url); }); });
//   …
//   download.cancel();  // get() and all that it started end; result holds kCancelled
class Scope {
 public:
  // `name` is for errors. It lies inside the scope that the calling task is in, and ends with that
  // one.
  explicit Scope(std::string_view name = {}, Deadline deadline = Deadline::never());
  // REQUIRES: nobody is inside run(). Tasks that were spawned inside may be alive; the deadline
  // still holds for them.
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // Calls `body` inside the scope, which lies inside the one the caller is in. What `body` returns
  // (a Result as it is), or kTimedOut or kCancelled when this scope ended it. Throws what `body`
  // throws. Whatever `body` spawned and still runs stays inside. Any number of times, also at one
  // time, by tasks that are in the same scope as the Scope's maker was. SUSPENDS if `body` does.
  template <std::invocable F>
  auto run(F&& body) -> typename detail::AsResult<std::invoke_result_t<F>>::Type {
    const Entered entered(state_);
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
        std::forward<F>(body)();
        return {};
      } else {
        return std::forward<F>(body)();
      }
    } catch (const ScopeEnded& end) {
      if (!end.is_of(*state_)) throw;
      return fail(end.error());
    }
  }

  // Ends the scope. Idempotent, any thread.
  void cancel();
  // Has it, or one that it lies in, ended? Any thread; never suspends.
  bool ended() const;

 private:
  // The calling task is inside while one lives.
  class Entered {
   public:
    explicit Entered(const std::shared_ptr<detail::ScopeState>& state);
    ~Entered();
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;

   private:
    std::shared_ptr<detail::ScopeState> outer_;
  };

  // Shared with the tasks that were spawned inside, which may outlive it, and with ScopeEnded.
  const std::shared_ptr<detail::ScopeState> state_;
};

// body() inside a scope that ends at `deadline`; see Scope::run(): kTimedOut when it did not return
// by then. `name` is for errors: "the deadline of scope 'download' passed".
template <std::invocable F>
auto with_deadline(Deadline deadline, F&& body, std::string_view name = {}) {
  return Scope(name, deadline).run(std::forward<F>(body));
}
template <std::invocable F>
auto with_deadline(Duration duration, F&& body, std::string_view name = {}) {
  return with_deadline(Deadline::after(duration), std::forward<F>(body), name);
}

namespace this_task {

// The earliest deadline of the scopes that the calling task is in; never() outside of any.
Deadline deadline();

}  // namespace this_task

}  // namespace saola::runtime
