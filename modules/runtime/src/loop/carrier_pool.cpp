#include "loop/carrier_pool.hpp"

#include <pthread.h>
#include <sched.h>

#include <system_error>

#include "futex.hpp"
#include "loop/overflow_guard.hpp"
#include "loop/side.hpp"
#include "loop/time_slice.hpp"
#include "runtime_impl.hpp"

namespace saola::runtime::detail {

CarrierPool::~CarrierPool() {
  starter_.stop();
  stopping_.store(true);
  signal_.fetch_add(1);
  futex_wake_all(signal_);
  std::unique_lock lock(mutex_);
  gone_.wait(lock, [&] { return threads_.running() == 0; });
  lock.unlock();
  threads_.join_last();
}

bool CarrierPool::top_up() {
  while (!stopping_.load() && waiting_.load() < kSpares + side_offers_.load()) {
    if (threads_count_.load() >= static_cast<std::uint64_t>(most_ + kSpares)) break;
    std::lock_guard lock(mutex_);
    waiting_.fetch_add(1);
    threads_count_.fetch_add(1);
    try {
      threads_.start([this](ThreadSet::Handle self) { serve(self); });
    } catch (const std::exception&) {
      waiting_.fetch_sub(1);
      threads_count_.fetch_sub(1);
      return waiting_.load() > 0;
    }
  }
  return waiting_.load() > 0;
}

void CarrierPool::hand_over(Loop& loop) {
  offered_.store(&loop);
  signal_.fetch_add(1);
  futex_wake(signal_);
  // The spare that was there may have gone to the side meanwhile.
  if (waiting_.load() <= side_offers_.load()) starter_.ask();
}

void CarrierPool::offer_side() {
  side_offers_.fetch_add(1);
  signal_.fetch_add(1);
  futex_wake(signal_);
  if (waiting_.load() < side_offers_.load()) starter_.ask();
}

void CarrierPool::timer_changed(std::int64_t due_ns) {
  if (due_ns >= looks_at_ns_.load()) return;
  signal_.fetch_add(1);
  futex_wake_all(signal_);
}

void CarrierPool::carry_to_end(Loop& loop) {
  side_.store(&loop.side);
  finished_.store(0);
  hand_over(loop);
  while (finished_.load() == 0) futex_wait(finished_, 0, Deadline::never());
}

bool CarrierPool::take(Offer& offer) {
  // The loop first: everybody waits for it.
  if (offered_.load() != nullptr) {
    if (Loop* loop = offered_.exchange(nullptr)) {
      offer = {.loop = loop};
      return true;
    }
  }
  int offers = side_offers_.load();
  while (offers > 0) {
    if (side_offers_.compare_exchange_weak(offers, offers - 1)) {
      offer = {};
      return true;
    }
  }
  return false;
}

CarrierPool::Offer CarrierPool::wait_for_offer() {
  bool keeps_time = false;
  Offer offer;
  for (;;) {
    const std::uint32_t seen = signal_.load();
    if (take(offer)) break;
    if (stopping_.load()) {
      offer = {.stop = true};
      break;
    }
    Deadline until = Deadline::never();
    if (Side* side = side_.load(); side != nullptr && !side->on_virtual_time()) {
      if (!keeps_time) keeps_time = !timekeeper_.exchange(true);
      if (keeps_time) {
        looks_at_ns_.store(INT64_MAX);
        if (const std::int64_t due = side->next_timer_ns(); due != INT64_MAX) {
          until = Deadline::at(SteadyTime(Duration(due)));
          if (until.passed()) {
            side->wake();
            if (take(offer)) break;
            // Those who run see to it when they are done; look again lest they take long.
            until = Deadline::after(std::chrono::milliseconds(1));
          }
          looks_at_ns_.store(until.time().time_since_epoch().count());
          if (side->next_timer_ns() < due) continue;
        }
      }
    }
    futex_wait(signal_, seen, until);
  }
  waiting_.fetch_sub(1);
  if (keeps_time) {
    looks_at_ns_.store(0);
    timekeeper_.store(false);
    signal_.fetch_add(1);
    futex_wake(signal_);  // another one keeps the time
  }
  return offer;
}

void CarrierPool::serve(ThreadSet::Handle self) {
  ::pthread_setname_np(::pthread_self(), "saola-carrier");
  OverflowGuard guard;
  Carrier carrier;
  bind_to_this_thread(carrier);
  for (;;) {
    // Whoever waits for the loop has waited long enough: take it over without waiting for a turn.
    set_time_slice(0, kCarrierSlice);
    const Offer offer = wait_for_offer();
    if (offer.stop) break;
    if (offer.loop != nullptr) {
      Loop& loop = *offer.loop;
      loop.adopt(carrier);
      if (loop.carry(carrier) == Loop::Carried::kFinished) {
        loop.host.monitor.watch(false);
        set_current_carrier(nullptr);
        finished_.store(1);
        futex_wake_all(finished_);
      } else {
        loop.side.run_after_theft(carrier);
      }
    } else {
      set_time_slice(0, kDefaultSlice);
      // Woken with a short slice, it may have taken the CPU from the loop's carrier: by yielding it
      // moves its turn back by one of its new slices.
      ::sched_yield();
      side_.load()->run(carrier);
    }
    // A demoted thread cannot in general raise its priority again.
    if (carrier.demoted.load(std::memory_order_relaxed)) {
      starter_.ask();
      break;
    }
    int waiting = waiting_.load();
    while (waiting < kSpares && !waiting_.compare_exchange_weak(waiting, waiting + 1)) {
    }
    if (waiting >= kSpares) break;
  }
  std::thread before;
  {
    std::lock_guard lock(mutex_);
    before = threads_.leave(self);
    threads_count_.fetch_sub(1);
    gone_.notify_all();
  }
  // From here on nothing of the pool is touched, but by the last one's join.
  if (before.joinable()) before.join();
}

}  // namespace saola::runtime::detail
