#include "testing/virtual_clock.hpp"

#include <algorithm>

#include <saola/base/check.hpp>
#include <saola/base/virtual_now.hpp>

#include "futex.hpp"
#include "native_task.hpp"
#include "runtime_impl.hpp"

namespace saola::runtime::detail {
namespace {

// Of native threads only: nothing that reads it suspends.
thread_local bool this_thread_counts = false;

void set_now(SteadyTime now) {
  saola::detail::virtual_now_ns.store(ns_of(now), std::memory_order_relaxed);
}

}  // namespace

std::atomic<VirtualClock*> VirtualClock::current_{nullptr};

VirtualClock::VirtualClock() : start_(steady_now()) {
  SAOLA_CHECK(current_carrier() == nullptr, "virtual time cannot begin in a fiber");
  SAOLA_CHECK(Runtime::Impl::alive.load() == 0,
              "virtual time begins before the Runtimes that it is for are made");
  begin();
  set_now(start_);
  VirtualClock* none = nullptr;
  SAOLA_CHECK(current_.compare_exchange_strong(none, this), "virtual time has begun already");
  count_this_thread(true);
}

VirtualClock::~VirtualClock() {
  SAOLA_CHECK(this_thread_counts, "virtual time ends on the thread that began it");
  SAOLA_CHECK(Runtime::Impl::alive.load() == 0, "a Runtime outlived the virtual time that it used");
  {
    const std::lock_guard lock(mutex_);
    SAOLA_CHECK(busy_.load() == 1 && waits_.empty(),
                "threads or held time were left when virtual time ended");
  }
  count_this_thread(false);
  current_.store(nullptr);
  set_now({});
}

Duration VirtualClock::elapsed() const {
  return steady_now() - start_;
}

void VirtualClock::when_stuck(void (*stuck)()) {
  const std::lock_guard lock(mutex_);
  stuck_ = stuck;
}

void VirtualClock::count_this_thread(bool counts) {
  this_thread_counts = counts;
}

// ---- Loops.

VirtualClock::Carrying::Carrying(VirtualClock* clock, Loop& loop) : clock_(clock), loop_(loop) {
  if (clock_ == nullptr) return;
  const std::lock_guard lock(clock_->mutex_);
  clock_->loops_.push_back(&loop_);
  // In place of the thread that waits for it; more than one, if that does not count.
  if (!this_thread_counts) clock_->begin();
}

VirtualClock::Carrying::~Carrying() {
  if (clock_ == nullptr) return;
  {
    const std::lock_guard lock(clock_->mutex_);
    std::erase(clock_->loops_, &loop_);
  }
  if (!this_thread_counts) clock_->end();
}

void VirtualClock::sleep(const Loop& loop) {
  end();
  wait_readable(loop.epoll_fd());
  const std::lock_guard lock(mutex_);
  begin();
}

// ---- Threads.

VirtualClock::Wait::Wait(VirtualClock& clock, BlockingTask& task, Waiter& waiter, Deadline deadline,
                         std::vector<pollfd> descriptors)
    : clock_(clock),
      task_(task),
      waiter_(waiter),
      deadline_(deadline),
      descriptors_(std::move(descriptors)) {
  {
    const std::lock_guard lock(clock_.mutex_);
    if (deadline_.passed()) WaiterAccess::claim(waiter_, kTimedOut);
    clock_.waits_.push_back(this);
  }
  if (this_thread_counts) {
    clock_.end();
  } else {
    clock_.look();
  }
}

VirtualClock::Wait::~Wait() {
  {
    const std::lock_guard lock(clock_.mutex_);
    std::erase(clock_.waits_, this);
    if (this_thread_counts) clock_.begin();
  }
  if (!this_thread_counts) clock_.look();
}

bool VirtualClock::Wait::at_rest() {
  if (WaiterAccess::state(waiter_).load(std::memory_order_acquire) != kParked) return false;
  return descriptors_.empty() || ::poll(descriptors_.data(), descriptors_.size(), 0) == 0;
}

// ---- Moving.

void VirtualClock::look() {
  const std::lock_guard lock(mutex_);
  if (busy_.load() != 0) return;
  SteadyTime next = SteadyTime::max();
  for (const Loop* loop : loops_) next = std::min(next, loop->rests_until());
  for (Wait* wait : waits_) {
    if (!wait->at_rest()) return;
    next = std::min(next, wait->deadline_.time());
  }
  if (next <= steady_now()) return;  // somebody is on the way already
  if (next == SteadyTime::max()) {
    if (stuck_ != nullptr) stuck_();
    return;
  }
  set_now(next);
  for (Loop* loop : loops_) loop->time_has_moved();
  for (Wait* wait : waits_) {
    if (!wait->deadline_.passed()) continue;
    auto& state = WaiterAccess::state(wait->waiter_);
    // It cannot leave without the lock.
    if (WaiterAccess::claim(wait->waiter_, kTimedOut)) wait->task_.unpark(&state);
  }
}

}  // namespace saola::runtime::detail
