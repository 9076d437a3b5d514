#include "loop/carrier_pool.hpp"

#include <pthread.h>
#include <sys/resource.h>

#include <system_error>

#include "loop/overflow_guard.hpp"
#include "loop/time_slice.hpp"
#include "runtime_impl.hpp"

namespace saola::runtime::detail {

CarrierPool::~CarrierPool() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  offer_.notify_all();
  changed_.wait(lock, [&] { return threads_.running() == 0; });
  lock.unlock();
  threads_.join_all();
}

bool CarrierPool::keep_spares(int count) {
  std::lock_guard lock(mutex_);
  while (waiting_ < count) {
    try {
      threads_.start([this](ThreadSet::Handle self) { serve(self); });
    } catch (const std::system_error&) {
      return waiting_ > 0;
    }
    ++waiting_;  // it will be; hand_over() may already count on it
  }
  return true;
}

void CarrierPool::hand_over(Loop& loop) {
  std::lock_guard lock(mutex_);
  offer(loop);
}

void CarrierPool::carry_to_end(Loop& loop) {
  std::unique_lock lock(mutex_);
  finished_ = false;
  offer(loop);
  changed_.wait(lock, [&] { return finished_; });
}

void CarrierPool::offer(Loop& loop) {
  offered_ = &loop;
  --waiting_;
  offer_.notify_one();
}

std::uint64_t CarrierPool::threads() const {
  std::lock_guard lock(mutex_);
  return threads_.running();
}

void CarrierPool::serve(ThreadSet::Handle self) {
  ::pthread_setname_np(::pthread_self(), "saola-carrier");
  // Whoever waits for the loop has waited long enough: take it over without waiting for a turn.
  set_time_slice(0, kCarrierSlice);
  OverflowGuard guard;
  Carrier carrier;
  bind_to_this_thread(carrier);
  std::unique_lock lock(mutex_);
  for (;;) {
    offer_.wait(lock, [&] { return stopping_ || offered_ != nullptr; });
    if (offered_ == nullptr) {
      --waiting_;
      break;
    }
    Loop* loop = std::exchange(offered_, nullptr);
    lock.unlock();
    loop->adopt(carrier);
    const Loop::Carried end = loop->carry(carrier);
    // From here on the monitor does not look at this thread's Carrier.
    if (end == Loop::Carried::kFinished) loop->host.monitor.watch(false);
    set_current_carrier(nullptr);
    lock.lock();
    if (end == Loop::Carried::kFinished) {
      finished_ = true;
      changed_.notify_all();
    }
    // A demoted thread cannot in general raise its priority again, so it must not carry the loop.
    if (carrier.demoted || waiting_ >= kSpares) break;
    ++waiting_;
  }
  threads_.leave(self);
  changed_.notify_all();
}

}  // namespace saola::runtime::detail
