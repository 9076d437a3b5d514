// A future as a branch of runtime::select().
//
//   switch (runtime::select(Deadline::after(1s), on_done(future), on_set(stop)).value_or(2)) {
//     case 0: return future.result();
//     case 1: return stopped();
//     default: return busy();
//   }
#pragma once

#include <saola/futures/future.hpp>
#include <saola/runtime/select.hpp>

namespace saola::futures {

namespace detail {

// Made by on_done(). While it waits, a worker of the future's own pool counts as blocked, see
// Executor.
class FutureBranch final : public runtime::Branch {
 public:
  explicit FutureBranch(StateBase& state) : state_(state) {}

 private:
  bool take() override { return state_.done(); }
  bool enlist(runtime::WaitNode& node) override;
  void withdraw(runtime::WaitNode& node) override;
  StateBase& state_;
  WorkerPool* blocked_ = nullptr;  // whose worker waits here
};

}  // namespace detail

// The future is done, cancelled included. It stays alive by its own handle.
template <typename T>
detail::FutureBranch on_done(const Future<T>& future) {
  return detail::FutureBranch(FutureAccess<T>::state(future));
}

}  // namespace saola::futures
