#include <mutex>

#include <saola/futures/select.hpp>

#include "worker_pool.hpp"

namespace saola::futures::detail {

bool FutureBranch::enlist(runtime::WaitNode& node) {
  {
    const std::lock_guard lock(state_.guard_);
    if (state_.done()) return false;
    state_.waiters_.push(node);
  }
  blocked_ = WorkerPool::block(state_.pool());
  return true;
}

void FutureBranch::withdraw(runtime::WaitNode& node) {
  WorkerPool::unblock(std::exchange(blocked_, nullptr));
  const std::lock_guard lock(state_.guard_);
  state_.waiters_.remove(node);
}

}  // namespace saola::futures::detail
