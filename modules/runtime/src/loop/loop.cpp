// The loop at work. loop.hpp says who owns it; here is what the owner does with it.
//
// The life of a fiber while its place is the loop (side.hpp has the other half):
//
//   create_fiber()     drain_inbox()            pick()
//   any thread ──────► inbox ────────► ready ──────────► running ──end_fiber()──► left ──► buried
//                        ▲              ▲  ▲  yield()      │  │ park()
//                        │              │  └───────────────┘  ▼
//                        └──────────────┴────────────────── parked
//                         who wins Waiter::claim(): notify(), a timer, a cancel
//
//   ready     in ready_[its priority], counted in ready_count_
//   running   running_ names it, and the word its switch
//   parked    its Waiter's state is kParked; fiber.parked names the Waiter, timers_ has its
//             deadline and lock_waits_ the lock that it waits for. make_ready() undoes all of these.
//   left      ended, or exiled to the side, but the thread stands on its stack until the switch is
//             done; settle() buries or sends it from the next stack
//
// Fibers switch straight to each other: park(), yield() and end_fiber() pick the next one and jump
// to it. The thread comes back to its own stack, in carry(), only when nothing is ready (then it
// sleeps in epoll) or when it finds that the loop was stolen from it.
//
// Invariants:
//
//   * A fiber is in one place only: one ready queue, the inbox, running, parked, or the side's. It
//     leaves "parked" by the one winner of its Waiter's claim; the loser does nothing. So an inbox
//     node of it is in flight at most once, and nodes take no memory.
//   * Nobody runs a fiber before it is off its old stack.
//   * From entering a section to leaving it no user code runs, and nothing is done that may block
//     or throw (the rule of sections, Loop::try_enter()). So the monitor may steal at any other
//     moment and finds the loop whole.
//   * epoch_ grows with every switch and every sleep, and is published (switches) before the word:
//     the monitor takes two equal looks for the same run of the same fiber.
//   * The owner's hints to the monitor (ready_count_, next_timer_ns_, backlog_) may be one tick
//     old. They only make it look; what it does rests on the word.
//
// A round: the inbox is looked at before every pick, since that costs one load; timers and sockets
// once each ready fiber has had its turn, but not more often than every 13-20 µs (pass()); exiled
// fibers are sent to the side as they are met (pick()).

#include "loop/loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <bit>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include <saola/base/check.hpp>

#include "futex.hpp"
#include "loop/clock_ticks.hpp"
#include "loop/force_theft.hpp"
#include "loop/sanitizers.hpp"
#include "monitor/rescue.hpp"
#include "runtime_impl.hpp"
#include "testing/seeded_order.hpp"
#include "testing/virtual_clock.hpp"

namespace saola::runtime::detail {
namespace {

// Sockets and timers are looked at after every round of ready fibers, but not more often than this,
// so that two fibers that yield to each other do not pay a system call each time.
constexpr std::uint64_t kLeastTicksBetweenPasses = 40'000;  // 13-20 µs
constexpr int kMostPicksBetweenPasses = 256;
// More dead fibers than this give the memory of their stacks back.
constexpr std::size_t kWarmStacks = 1024;
// Of the picks made while fibers of several classes are ready, one in this many goes to the class
// below the highest, one in the square of it to the lowest.
constexpr unsigned kShareOfLower = 8;

}  // namespace

#ifndef NDEBUG
void check_outside_section() {
  const Carrier* carrier = current_carrier();
  SAOLA_CHECK(carrier == nullptr || !carrier->in_runtime,
              "a runtime section does what may take long; see Loop::try_enter()");
}
#endif

// ---- After a switch.

void Loop::bury(Fiber& dead) {
  destroy_sanitizer_fiber(dead.context);
  dead.listed.store(0, std::memory_order_relaxed);
  add_unshared(counted_here_, -1);
  dead.release();
}

void Loop::send_aside(Fiber& fiber) {
  moved_aside.fetch_add(1, std::memory_order_relaxed);
  fiber.place.store(Place::kSide, std::memory_order_relaxed);
  side.send(fiber.ready_node);
}

void Loop::settle(Carrier* carrier) {
  Fiber& left = *std::exchange(carrier->left, nullptr);
  if (carrier->left_for_ever) {
    bury(left);
  } else {
    send_aside(left);
  }
}

// The slice that has just begun is stolen, by its own thread in the monitor's place: the loop goes
// on elsewhere, and this thread finds out at the fiber's next call.
void Loop::be_stolen(Carrier* carrier) {
  carrier->loses_loop = false;
  if (carrier->fiber == nullptr) return;
  leave(carrier);
  force_theft(host, carrier->run_word);
}

// ---- Ownership.

bool Loop::steal(std::uint64_t run_word) {
  if (!word_.compare_exchange_strong(run_word, stolen_word(run_word), std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
    return false;
  }
  found_.store(Others::kPerhaps, std::memory_order_relaxed);
  note_backlog();
  return true;
}

void Loop::note_theft(std::uint64_t run_word, SteadyTime since, Duration cpu_before) {
  Carrier& hog = *running_carrier();
  hog.slice_cpu_before = cpu_before;
  hog.fiber->runs_on.begin(
      {.tid = hog.tid, .word = run_word, .since = since, .cpu_before = cpu_before});
}

void Loop::adopt(Carrier& carrier) {
  carrier.loop = this;
  carrier.side = false;
  carrier.in_runtime = true;
  carrier.fiber = nullptr;
  carrier.run_word = 0;
  set_current_carrier(&carrier);
  carrier_.store(&carrier, std::memory_order_release);
  carrier_tid_.store(carrier.tid, std::memory_order_relaxed);
  running_.store(nullptr, std::memory_order_release);
  switches.store(++epoch_, std::memory_order_relaxed);
  word_.store(kInRuntime, std::memory_order_release);
}

void fiber_main(boost::context::detail::transfer_t transfer) {
  Carrier* carrier = arrive(transfer);
#ifdef SAOLA_ASAN
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
  Loop& loop = *carrier->loop;
  Fiber& fiber = *carrier->fiber;
  // make_fcontext() took it from whichever fiber made room for this one.
  loop.fp_control_.apply();
  loop.resumed(carrier);
  fiber.run_body();
  // An exception may end in the log and in users' destructors: not in a section.
  const bool ended = fiber.error != nullptr;
  if (ended) fiber.finish();
  carrier = current_carrier();
  if (Loop::try_enter(carrier) != nullptr) {
    if (!ended) fiber.finish();
    loop.end_fiber(carrier, fiber);
  }
  if (!ended) fiber.finish();
  loop.side.end(carrier, fiber);
}

Loop::Loop(const RuntimeOptions& options, Runtime::Impl& owner, CarrierPool& carriers)
    : host(owner),
      exiles(options.placement_memory),
      side(carriers, exiles, options.side_carriers, options.stall_threshold / 2),
      seeded_(Seeds::for_new_loop(options)),
      virtual_clock_(VirtualClock::current()),
      events_(std::make_unique<epoll_event[]>(kEventsPerPoll)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      stacks_(options.stack_bytes) {
  if (!epoll_ || !wake_) {
    throw std::system_error(errno, std::system_category(), "cannot create the event loop");
  }
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    throw std::system_error(errno, std::system_category(), "cannot create the event loop");
  }
}

Loop::~Loop() {
  drain_inbox();
  SAOLA_CHECK(living() == 0, "a Runtime was destroyed while its tasks were alive");
}

// ---- Fibers as memory.

Fiber* Loop::create_fiber(std::move_only_function<void()>&& body, Carrier* here) {
  check_outside_section();
  Fiber* fiber = take_free(here);
  if (fiber == nullptr) {
    std::lock_guard lock(growth_);
    fiber = &all_fibers_.emplace_back(*this, stacks_.take());
  }
  fiber->ready_node.kind = InboxNode::Kind::kReady;
  fiber->kind.set({});
  fiber->exiled_until_ns.store(0, std::memory_order_relaxed);
  fiber->place.store(Place::kLoop, std::memory_order_relaxed);
  fiber->parked = nullptr;
  fiber->waiting = nullptr;
  fiber->context = {};
  // Last: from here on whoever looks at all fibers may cancel it.
  fiber->prepare_task(std::move(body), here);
  return fiber;
}

Fiber* Loop::take_free(Carrier* here) {
  if (here != nullptr && here->spares.fibers != nullptr) {
    --here->spares.fiber_count;
    return std::exchange(here->spares.fibers, here->spares.fibers->next_free);
  }
  std::lock_guard lock(free_guard_);
  if (free_fibers_ == nullptr) return nullptr;
  --free_count_;
  return std::exchange(free_fibers_, free_fibers_->next_free);
}

void Loop::free_fiber(Fiber* fiber) {
  // Not on the side: what its threads keep might be of use to nobody for long.
  if (Carrier* carrier = current_carrier(); carrier != nullptr && carrier->loop == this &&
                                            !carrier->side &&
                                            carrier->spares.fiber_count < Spares::kMostFibers) {
    ++carrier->spares.fiber_count;
    fiber->next_free = std::exchange(carrier->spares.fibers, fiber);
    return;
  }
  free_for_all(fiber);
}

void Loop::free_for_all(Fiber* fiber) {
  std::lock_guard lock(free_guard_);
  fiber->next_free = free_fibers_;
  free_fibers_ = fiber;
  if (++free_count_ > kWarmStacks) {
    ::madvise(fiber->stack.bottom, fiber->stack.size, MADV_DONTNEED);
  }
}

void Loop::give_back(Spares& spares) {
  while (Fiber* fiber = spares.fibers) {
    spares.fibers = fiber->next_free;
    free_for_all(fiber);
  }
  spares.fiber_count = 0;
}

Carrier* Loop::callers_carrier() const {
  Carrier* carrier = current_carrier();
  const bool ours = carrier != nullptr && carrier->fiber != nullptr && carrier->loop == this;
  return ours ? carrier : nullptr;
}

bool Loop::join_the_living() {
  if ((living_.fetch_add(1) & kClosed) == 0) return true;
  living_.fetch_sub(1);
  return false;
}

void Loop::send_away() {
  living_.fetch_sub(1);
  // It may be asleep, with this task the last that it waited for.
  if (asleep_.load() && asleep_.exchange(false)) wake_up();
}

void Loop::prepare_stack(Fiber& fiber) {
#ifdef SAOLA_ASAN
  __asan_unpoison_memory_region(fiber.stack.bottom, fiber.stack.size);
#endif
  fiber.context.stack =
      boost::context::detail::make_fcontext(fiber.stack.top(), fiber.stack.size, fiber_main);
  fiber.context.bottom = fiber.stack.bottom;
  fiber.context.size = fiber.stack.size;
  create_sanitizer_fiber(fiber.context);
}

// ---- Switching. The caller owns the loop throughout.

inline void Loop::push_ready(Fiber& fiber) {
  fiber.next_ready = nullptr;
  const auto p = static_cast<unsigned>(fiber.priority.load(std::memory_order_relaxed));
  ReadyQueue& queue = ready_[p];
  (queue.tail != nullptr ? queue.tail->next_ready : queue.head) = &fiber;
  queue.tail = &fiber;
  ready_classes_ |= 1U << p;
  set_ready_count(ready_count_.load(std::memory_order_relaxed) + 1);
}

[[gnu::always_inline]] inline Fiber* Loop::take_ready() {
  auto p = static_cast<unsigned>(std::countr_zero(ready_classes_));
  if (const unsigned lower = ready_classes_ & (ready_classes_ - 1); lower != 0) [[unlikely]] {
    // Now and then a lower class, so that it is slow, not starved.
    ++contended_picks_;
    if (contended_picks_ % (kShareOfLower * kShareOfLower) == 0) {
      p = static_cast<unsigned>(std::bit_width(ready_classes_)) - 1;
    } else if (contended_picks_ % kShareOfLower == 0) {
      p = static_cast<unsigned>(std::countr_zero(lower));
    }
  }
  ReadyQueue& queue = ready_[p];
  Fiber* fiber = queue.head;
  queue.head = fiber->next_ready;
  if (queue.head == nullptr) {
    queue.tail = nullptr;
    ready_classes_ &= ~(1U << p);
  }
  set_ready_count(ready_count_.load(std::memory_order_relaxed) - 1);
  if (const std::uint64_t late = backlog(); late != 0) [[unlikely]] {
    backlog_.store(late - 1, std::memory_order_relaxed);
  }
  return fiber;
}

// Any of those that are ready, of whatever priority: all that a program may count on.
Fiber* Loop::take_seeded(Carrier* carrier) {
  const std::uint64_t ready = ready_count_.load(std::memory_order_relaxed);
  std::size_t skip = seeded_->choose(ready);
  for (unsigned p = 0;; ++p) {
    ReadyQueue& queue = ready_[p];
    Fiber* before = nullptr;
    Fiber* fiber = queue.head;
    for (; fiber != nullptr && skip > 0; --skip) {
      before = fiber;
      fiber = fiber->next_ready;
    }
    if (fiber == nullptr) continue;
    (before != nullptr ? before->next_ready : queue.head) = fiber->next_ready;
    if (queue.tail == fiber) queue.tail = before;
    if (queue.head == nullptr) ready_classes_ &= ~(1U << p);
    set_ready_count(ready - 1);
    carrier->loses_loop = seeded_->picked(fiber->id.load(std::memory_order_relaxed));
    return fiber;
  }
}

[[gnu::always_inline]] inline Fiber* Loop::pick(Carrier* carrier, const Context& from) {
  for (;;) {
    if (inbox_.newest() != nullptr) drain_inbox();
    if (ready_classes_ == 0) return nullptr;
    const int left = until_pass_.load(std::memory_order_relaxed) - 1;
    until_pass_.store(left, std::memory_order_relaxed);
    if (left < 0) pass();
    Fiber* fiber = seeded_ == nullptr ? take_ready() : take_seeded(carrier);
    if (!exiles.quiet()) [[unlikely]] {
      if (exiles.holds(*fiber)) {
        if (&fiber->context == &from) {
          carrier->left = fiber;  // once we are off its stack
          carrier->left_for_ever = false;
        } else {
          send_aside(*fiber);
        }
        continue;
      }
    }
    prepare(*fiber);
    return fiber;
  }
}

[[gnu::always_inline]] inline Carrier* Loop::switch_out(Carrier* carrier, Context& from) {
  Fiber* next = pick(carrier, from);
  switches.store(++epoch_, std::memory_order_relaxed);
  carrier->fiber = next;
  running_.store(next, std::memory_order_release);
  if (next == nullptr) {
    if (&from == &carrier->base) return carrier;
    return switch_stack(carrier, from, carrier->base);
  }
  carrier->run_word = running_word(epoch_);
  if (&next->context == &from) return carrier;
  return switch_stack(carrier, from, next->context);
}

void Loop::end_fiber(Carrier* carrier, Fiber& fiber) {
  carrier->left = &fiber;
  carrier->left_for_ever = true;
  Fiber* next = pick(carrier, fiber.context);
  switches.store(++epoch_, std::memory_order_relaxed);
  carrier->fiber = next;
  running_.store(next, std::memory_order_release);
  if (next != nullptr) carrier->run_word = running_word(epoch_);
  leave_for_ever(carrier, fiber.context, next != nullptr ? next->context : carrier->base);
}

void Loop::make_ready(Fiber& fiber) {
  if (Waiter* waiter = std::exchange(fiber.parked, nullptr)) {
    fiber.waiting = nullptr;
    fiber.wait.end();
    if (WaiterAccess::timer_slot(*waiter) != 0) {
      timers_.remove(*waiter);
      publish_next_timer();
    }
    if (LockWait* wait = std::exchange(fiber.lock_wait, nullptr)) [[unlikely]]
      lock_waits_.remove(*wait);
  }
  push_ready(fiber);
}

void Loop::pass() {
  if (seeded_ != nullptr) [[unlikely]] {
    // At each pick, so that nothing depends on real time.
    run_timers();
    poll(false);
    until_pass_.store(0, std::memory_order_relaxed);
    return;
  }
  const std::uint64_t ticks = clock_ticks();
  if (ticks - pass_tsc_ >= kLeastTicksBetweenPasses) {
    run_timers();
    poll(false);
    batch_ = 1;
  } else {
    // Fibers switch fast: look at the clock less often. Should they turn slow, the monitor asks for
    // a pass.
    batch_ = std::min(batch_ * 2, kMostPicksBetweenPasses);
  }
  const std::uint64_t ready = ready_count_.load(std::memory_order_relaxed);
  until_pass_.store(
      std::max(batch_, static_cast<int>(std::min<std::uint64_t>(ready, kMostPicksBetweenPasses))) -
          1,
      std::memory_order_relaxed);
}

Loop::Carried Loop::carry(Carrier& carrier) {
  // Those who waited while the loop had no carrier are late already: the monitor is less patient
  // until they ran.
  drain_inbox();
  run_timers();
  poll(false);
  const std::uint64_t late = ready_count_.load(std::memory_order_relaxed);
  backlog_.store(late, std::memory_order_relaxed);
  found_.store(late > 0 ? Others::kSurely : Others::kNobody, std::memory_order_release);
  for (;;) {
    switch_out(&carrier, carrier.base);
    if (carrier.left != nullptr) settle(&carrier);
    if (carrier.side) {
      give_back(carrier.spares);
      return Carried::kLost;
    }
    if (inbox_.newest() != nullptr) continue;
    auto nobody = static_cast<std::uint64_t>(-counted_here_.load(std::memory_order_relaxed));
    if (living_.compare_exchange_strong(nobody, kClosed)) {
      counted_here_.store(0, std::memory_order_relaxed);
      give_back(carrier.spares);
      return Carried::kFinished;
    }
    run_timers();
    if (ready_classes_ == 0) poll(true);
  }
}

// ---- Waiting.

Wake Loop::park(Fiber& fiber, Waiter& waiter, Deadline deadline, Cancellable cancellable) {
  const bool may_cancel = cancellable == Cancellable::kYes && fiber.uncancellable == 0;
  Carrier* carrier = current_carrier();
  if (try_enter(carrier) == nullptr) [[unlikely]]
    return side.park(carrier, fiber, waiter, deadline, may_cancel);
  const bool timed = !deadline.is_never();
  if (timed && !timers_.make_room()) [[unlikely]] {
    leave(carrier);
    throw std::bad_alloc();
  }
  auto& state = WaiterAccess::state(waiter);
  if (may_cancel && fiber.cancel_requested.load(std::memory_order_relaxed)) {
    WaiterAccess::claim(waiter, kCancelled);
  }
  std::uint32_t expected = kIdle;
  if (!state.compare_exchange_strong(expected, kParked, std::memory_order_acq_rel,
                                     std::memory_order_acquire)) {
    leave(carrier);
    return WaiterAccess::outcome(expected);
  }
  // make_ready() undoes all this, wherever the fiber goes on.
  fiber.wait.begin(WaiterAccess::what(waiter), deadline, about_now(), epoch_);
  fiber.parked = &waiter;
  if (may_cancel) fiber.waiting = &waiter;
  if (timed) {
    timers_.add(deadline.time(), waiter);
    publish_next_timer();
  }
  if (const auto* holder = WaiterAccess::lock_holder(waiter)) [[unlikely]] {
    LockWait lock_wait{fiber, *holder, std::chrono::steady_clock::now()};
    lock_waits_.add(lock_wait);
    fiber.lock_wait = &lock_wait;
    resumed(switch_out(carrier, fiber.context));
  } else {
    resumed(switch_out(carrier, fiber.context));
  }
  return WaiterAccess::outcome(state.load(std::memory_order_acquire));
}

void Loop::yield(Carrier* carrier) {
  Fiber& fiber = *carrier->fiber;
  if (fiber.should_cancel()) this_task::throw_cancelled();
  if (try_enter(carrier) != nullptr) [[likely]] {
    push_ready(fiber);
    resumed(switch_out(carrier, fiber.context));
  } else {
    side.yield(carrier, fiber);
  }
  if (fiber.should_cancel()) this_task::throw_cancelled();
}

void Loop::go_where_it_belongs(Fiber& fiber) {
  if (exiles.quiet()) return;
  Carrier* carrier = current_carrier();
  const bool exiled = exiles.holds(fiber);
  if (carrier->side) {
    if (!exiled) side.yield(carrier, fiber);
    return;
  }
  if (!exiled && word() == carrier->run_word) return;
  if (try_enter(carrier) == nullptr) return side.yield(carrier, fiber);
  push_ready(fiber);  // pick() sends it
  resumed(switch_out(carrier, fiber.context));
}

void Loop::publish_next_timer() {
  next_timer_ns_.store(timers_.next().time_since_epoch().count(), std::memory_order_relaxed);
}

// ---- From other threads.

void Loop::schedule(Fiber& fiber) {
  if (Carrier* carrier = current_carrier(); carrier != nullptr && carrier->loop == this) {
    if (carrier->in_runtime) {
      make_ready(fiber);
      return;
    }
    if (carrier->fiber != nullptr && try_enter(carrier) != nullptr) {
      make_ready(fiber);
      leave(carrier);
      return;
    }
  }
  fiber.wait.end();
  send(fiber.ready_node);
}

void Loop::start(Fiber& fiber, Carrier* here) {
  if (here != nullptr) {
    if (try_enter(here) != nullptr) [[likely]] {
      add_unshared(counted_here_, 1);
      add_unshared(spawned_here_, 1);
      if (host.stopping.load()) [[unlikely]]
        fiber.request_cancel();
      push_ready(fiber);
      leave(here);
      return;
    }
    living_.fetch_add(1, std::memory_order_relaxed);  // the caller lives, so it is not closed
  }
  spawned_elsewhere_.fetch_add(1);
  if (host.stopping.load()) fiber.request_cancel();
  send(fiber.ready_node);
}

bool Loop::send(InboxNode& node) {
  const bool was_empty = inbox_.push(node);
  if (asleep_.load() && asleep_.exchange(false)) wake_up();
  return was_empty;
}

void Loop::drain_inbox() {
  InboxNode* in_order = inbox_.take();
  while (in_order != nullptr) {
    InboxNode* current = std::exchange(in_order, in_order->next);
    switch (current->kind) {
      case InboxNode::Kind::kReady:
        make_ready(*static_cast<Fiber*>(current->subject));
        break;
      case InboxNode::Kind::kEnded:
        bury(*static_cast<Fiber*>(current->subject));
        break;
      case InboxNode::Kind::kCancel: {
        auto* fiber = static_cast<Fiber*>(current->subject);
        // See Side::park_fiber().
        if (fiber->place.load() == Place::kSide) {
          side.send(*current);
          break;
        }
        if (fiber->waiting != nullptr && WaiterAccess::claim(*fiber->waiting, kCancelled)) {
          make_ready(*fiber);
        }
        fiber->release();
        break;
      }
      case InboxNode::Kind::kNativeEnded:
        add_unshared(counted_here_, -1);
        static_cast<TaskState*>(current->subject)->release();
        break;
      case InboxNode::Kind::kRetireWatch:
        retire(current->subject);
        break;
      case InboxNode::Kind::kLockQuestion:
        lock_waits_.answer(*static_cast<LockQuestion*>(current->subject));
        break;
    }
  }
}

// ---- For the monitor.

Loop::Sight Loop::look() const {
  return {switches.load(std::memory_order_relaxed), asleep_.load(), word()};
}

Others Loop::others_wait() const {
  if (ready_count_.load(std::memory_order_relaxed) > 0) return Others::kSurely;
  if (next_timer_ns_.load(std::memory_order_relaxed) <= ns_of(steady_now())) {
    return Others::kSurely;
  }
  const InboxNode* newest = inbox_.newest();
  if (newest != nullptr && !(newest == &lock_question.node && lock_question.alone)) {
    return Others::kPerhaps;
  }
  return is_readable(epoll_.get()) ? Others::kPerhaps : Others::kNobody;
}

}  // namespace saola::runtime::detail
