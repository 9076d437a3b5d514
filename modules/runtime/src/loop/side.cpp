#include "loop/side.hpp"

#include <sched.h>

#include <new>
#include <utility>

#include <saola/base/check.hpp>

#include "loop/carrier_pool.hpp"
#include "loop/loop.hpp"
#include "monitor/rescue.hpp"
#include "monitor/thread_probe.hpp"
#include "testing/virtual_clock.hpp"

namespace saola::runtime::detail {
namespace {

// How long slices take is real even when a test has a virtual clock; timers are not.
SteadyTime real_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

Side::Side(CarrierPool& pool, Exiles& exiles, int carriers, Duration long_slice)
    : pool_(pool),
      exiles_(exiles),
      carriers_(carriers),
      long_slice_(long_slice),
      virtual_clock_(VirtualClock::current()),
      limit_(carriers) {}

Side::~Side() {
  SAOLA_CHECK(inbox_.empty() && ready_head_ == nullptr && timers_.empty(),
              "a Runtime was destroyed while fibers waited on its side");
}

// ---- From other threads.

void Side::send(InboxNode& node) {
  inbox_.push(node);
  wake();
}

void Side::wake() {
  int running = running_.load();
  while (running < limit_.load(std::memory_order_relaxed)) {
    if (!running_.compare_exchange_weak(running, running + 1)) continue;
    if (virtual_clock_ != nullptr) virtual_clock_->begin();
    return pool_.offer_side();
  }
}

void Side::stolen() {
  running_.fetch_add(1);
  if (virtual_clock_ != nullptr) virtual_clock_->begin();
}

Side::Sight Side::look() const {
  std::uint64_t waiting = ready_count_.load(std::memory_order_relaxed);
  if (inbox_.newest() != nullptr) ++waiting;
  if (const std::int64_t due = next_timer_ns(); due != INT64_MAX && due <= ns_of(steady_now())) {
    ++waiting;
  }
  return {picks_.load(std::memory_order_relaxed), waiting, running_.load(),
          limit_.load(std::memory_order_relaxed)};
}

void Side::allow(int blocked) {
  limit_.store(carriers_ + blocked, std::memory_order_relaxed);
  if (look().waiting > 0) wake();
}

// ---- Leaving a side carrier: the fiber's half.

void Side::join(Carrier& carrier) {
  if (carrier.side) return;
  // It has just found out that the loop was stolen. The monitor may still be noting it down.
  while (carrier.loop->stealing.load(std::memory_order_acquire)) ::sched_yield();
  carrier.side = true;
}

Carrier* Side::switch_to_base(Carrier* carrier, Fiber& fiber, Leaving leaving) {
  join(*carrier);
  carrier->leaving = leaving;
  return switch_stack(carrier, fiber.context, carrier->base);
}

Wake Side::park(Carrier* carrier, Fiber& fiber, Waiter& waiter, Deadline deadline,
                bool may_cancel) {
  carrier = switch_to_base(carrier, fiber,
                           {.why = Leaving::Why::kPark,
                            .may_cancel = may_cancel,
                            .waiter = &waiter,
                            .deadline = deadline});
  const bool no_memory = std::exchange(carrier->leaving.no_memory, false);
  fiber.loop.resumed(carrier);
  if (no_memory) throw std::bad_alloc();
  return WaiterAccess::outcome(WaiterAccess::state(waiter).load(std::memory_order_acquire));
}

void Side::yield(Carrier* carrier, Fiber& fiber) {
  if (carrier->side) judge_slice(*carrier, real_now());
  const bool stays = exiles_.holds(fiber);
  if (carrier->side && stays && !is_demoted(*carrier) && look().waiting == 0) {
    return;
  }
  carrier =
      switch_to_base(carrier, fiber, {.why = stays ? Leaving::Why::kYield : Leaving::Why::kGoHome});
  fiber.loop.resumed(carrier);
}

void Side::end(Carrier* carrier, Fiber& fiber) {
  join(*carrier);
  carrier->leaving = {.why = Leaving::Why::kEnd};
  leave_for_ever(carrier, fiber.context, carrier->base);
}

void Side::judge_caller(Fiber& fiber) {
  if (exiles_.quiet()) return;
  Carrier* carrier = current_carrier();
  if (carrier->side && carrier->fiber == &fiber) judge_slice(*carrier, real_now());
}

void Side::judge_slice(Carrier& carrier, SteadyTime now) {
  if (ns_of(now) - carrier.slice_since_ns >= long_slice_.count()) {
    exiles_.renew(*carrier.fiber, now);
  }
}

// ---- Leaving a side carrier: the thread's half.

void Side::leave(Carrier& carrier) {
  judge_slice(carrier, real_now());
  Fiber& fiber = *std::exchange(carrier.fiber, nullptr);
  fiber.cpu_ns.fetch_add((ThreadProbe::cpu_time(carrier.tid) - carrier.slice_cpu_before).count(),
                         std::memory_order_relaxed);
  fiber.runs_on.end(carrier.tid);
  const Leaving leaving = std::exchange(carrier.leaving, {});
  switch (leaving.why) {
    case Leaving::Why::kPark: {
      std::lock_guard lock(guard_);
      if (!park_fiber(fiber, leaving)) {
        // It does not wait after all, so nobody else has it: it goes on here.
        carrier.fiber = &fiber;
        carrier.leaving.no_memory = WaiterAccess::state(*leaving.waiter).load() == kIdle;
      }
      return;
    }
    case Leaving::Why::kYield: {
      std::lock_guard lock(guard_);
      fiber.place.store(Place::kSide, std::memory_order_relaxed);
      make_ready(fiber);
      return;
    }
    case Leaving::Why::kGoHome:
      fiber.place.store(Place::kLoop, std::memory_order_relaxed);
      fiber.loop.send(fiber.ready_node);
      return;
    case Leaving::Why::kEnd:
      fiber.ready_node.kind = InboxNode::Kind::kEnded;
      fiber.loop.send(fiber.ready_node);
      return;
    case Leaving::Why::kNothing:
      break;
  }
  SAOLA_CHECK(false, "a fiber left its side carrier for no reason");
}

bool Side::park_fiber(Fiber& fiber, const Leaving& leaving) {
  Waiter& waiter = *leaving.waiter;
  const bool timed = !leaving.deadline.is_never();
  if (timed && !timers_.make_room()) return false;
  // Sequentially consistent, both: either the loop's owner, who passes a cancel on, sees that the
  // fiber is here, or the flag is seen here.
  fiber.place.store(Place::kSide);
  if (leaving.may_cancel && fiber.cancel_requested.load()) WaiterAccess::claim(waiter, kCancelled);
  std::uint32_t expected = kIdle;
  if (!WaiterAccess::state(waiter).compare_exchange_strong(
          expected, kParked, std::memory_order_acq_rel, std::memory_order_acquire)) {
    return false;
  }
  // Who ends the wait may have sent the fiber already, but it is taken out of the inbox under this
  // lock.
  fiber.wait.begin(WaiterAccess::what(waiter), leaving.deadline, real_ns(),
                   words_.load(std::memory_order_relaxed));
  fiber.parked = &waiter;
  fiber.waiting = leaving.may_cancel ? &waiter : nullptr;
  if (timed) {
    timers_.add(leaving.deadline.time(), waiter);
    publish_next_timer();
  }
  return true;
}

void Side::run(Carrier& carrier) {
  carrier.side = true;
  set_current_carrier(&carrier);
  {
    std::lock_guard lock(guard_);
    list(carrier);
  }
  work(carrier);
}

void Side::run_after_theft(Carrier& carrier) {
  Rescue* rescue = carrier.rescue.exchange(nullptr, std::memory_order_acquire);
  {
    std::lock_guard lock(guard_);
    list(carrier);
    if (rescue != nullptr && rescue->demoted.load(std::memory_order_relaxed)) {
      carrier.demoted.store(true, std::memory_order_relaxed);
    }
    carrier.slice_fiber = carrier.fiber;
    carrier.slice_since_ns = ns_of(real_now());
  }
  // The monitor's entry is not touched any more after this.
  if (rescue != nullptr) rescue->ended_ns.store(ns_of(real_now()), std::memory_order_release);
  leave(carrier);
  work(carrier);
}

void Side::work(Carrier& carrier) {
  for (;;) {
    Fiber* fiber = carrier.fiber;  // it left to wait, but need not
    if (fiber == nullptr) fiber = next(carrier);
    if (fiber == nullptr) break;
    run_slice(carrier, *fiber);
    leave(carrier);
  }
  carrier.side = false;
  set_current_carrier(nullptr);
  if (virtual_clock_ != nullptr) virtual_clock_->end();
}

void Side::run_slice(Carrier& carrier, Fiber& fiber) {
  carrier.loop = &fiber.loop;
  carrier.fiber = &fiber;
  // Odd as no ownership word of the loop is: 3 in the last two bits.
  carrier.run_word = words_.fetch_add(1, std::memory_order_relaxed) << 2 | 3;
  carrier.slice_cpu_before = ThreadProbe::cpu_time(carrier.tid);
  fiber.runs_on.begin({.tid = carrier.tid,
                       .word = carrier.run_word,
                       .since = std::chrono::steady_clock::now(),
                       .cpu_before = carrier.slice_cpu_before});
  fiber.loop.prepare(fiber);
  switch_stack(&carrier, carrier.base, fiber.context);
}

Fiber* Side::next(Carrier& carrier) {
  const SteadyTime now = real_now();
  std::lock_guard lock(guard_);
  drain_inbox();
  run_timers();
  const bool may_stay = !carrier.demoted.load(std::memory_order_relaxed) &&
                        running_.load() <= limit_.load(std::memory_order_relaxed);
  while (may_stay && ready_head_ != nullptr) {
    Fiber& fiber = *ready_head_;
    ready_head_ = fiber.next_ready;
    if (ready_head_ == nullptr) ready_tail_ = nullptr;
    ready_count_.fetch_sub(1, std::memory_order_relaxed);
    if (!exiles_.holds(fiber)) {
      fiber.place.store(Place::kLoop, std::memory_order_relaxed);
      fiber.loop.send(fiber.ready_node);
      continue;
    }
    picks_.fetch_add(1, std::memory_order_relaxed);
    carrier.slice_fiber = &fiber;
    carrier.slice_since_ns = ns_of(now);
    if (ready_head_ != nullptr) wake();
    return &fiber;
  }
  running_.fetch_sub(1);
  unlist(carrier);
  // Those that are left, and those that came since the inbox was drained (who sent them may have
  // seen this one running, see inbox_), are another's, or this one's as soon as it is free.
  if (ready_head_ != nullptr || !inbox_.empty()) wake();
  return nullptr;
}

// ---- With the lock held.

void Side::drain_inbox() {
  InboxNode* node = inbox_.take();
  while (node != nullptr) {
    InboxNode* current = std::exchange(node, node->next);
    auto& fiber = *static_cast<Fiber*>(current->subject);
    if (current->kind == InboxNode::Kind::kCancel) {
      if (fiber.waiting != nullptr && WaiterAccess::claim(*fiber.waiting, kCancelled)) {
        make_ready(fiber);
      }
      fiber.release();
    } else {
      make_ready(fiber);
    }
  }
}

void Side::run_timers() {
  if (timers_.empty()) return;
  const SteadyTime now = steady_now();
  while (Waiter* waiter = timers_.pop_due(now)) {
    auto* fiber = static_cast<Fiber*>(WaiterAccess::task(*waiter));
    if (WaiterAccess::claim(*waiter, kTimedOut)) make_ready(*fiber);
  }
  publish_next_timer();
}

void Side::make_ready(Fiber& fiber) {
  if (Waiter* waiter = std::exchange(fiber.parked, nullptr)) {
    fiber.waiting = nullptr;
    fiber.wait.end();
    timers_.remove(*waiter);
    publish_next_timer();
  }
  fiber.next_ready = nullptr;
  (ready_tail_ != nullptr ? ready_tail_->next_ready : ready_head_) = &fiber;
  ready_tail_ = &fiber;
  ready_count_.fetch_add(1, std::memory_order_relaxed);
}

void Side::publish_next_timer() {
  const std::int64_t due = ns_of(timers_.next());
  next_timer_ns_.store(due);
  pool_.timer_changed(due);
}

void Side::list(Carrier& carrier) {
  carrier.before = nullptr;
  carrier.next = first_;
  if (first_ != nullptr) first_->before = &carrier;
  first_ = &carrier;
}

void Side::unlist(Carrier& carrier) {
  (carrier.before != nullptr ? carrier.before->next : first_) = carrier.next;
  if (carrier.next != nullptr) carrier.next->before = carrier.before;
}

}  // namespace saola::runtime::detail
