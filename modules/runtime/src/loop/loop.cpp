#include "loop/loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <system_error>

#include <saola/base/check.hpp>

#include "futex.hpp"
#include "io/fd_watch.hpp"
#include "loop/clock_ticks.hpp"
#include "loop/last_errno.hpp"
#include "loop/sanitizers.hpp"
#include "runtime_impl.hpp"

namespace saola::runtime::detail {
namespace {

constexpr int kEventsPerPoll = 128;
// Sockets and timers are looked at after every round of ready fibers, but not more often than this,
// so that two fibers that yield to each other do not pay a system call each time.
constexpr std::uint64_t kLeastTicksBetweenPasses = 40'000;  // 13-20 µs
constexpr int kMostPicksBetweenPasses = 256;

std::int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

}  // namespace

// ---- After a switch.

void Loop::bury(Carrier* carrier) {
  Fiber* dead = std::exchange(carrier->dead, nullptr);
  destroy_sanitizer_fiber(dead->context);
  stacks_.give_back(dead->stack);
  dead->stack = {};
  dead->release();
}

[[gnu::always_inline]] inline Carrier* Loop::settle(Carrier* carrier) {
  if (carrier->dead != nullptr) [[unlikely]]
    bury(carrier);
  return carrier;
}

// ---- Ownership.

Carrier* Loop::enter(Fiber& fiber) {
  Carrier* carrier = current_carrier();
  if (Carrier* owner = try_enter(carrier)) [[likely]]
    return owner;
  return go_home(carrier, fiber);
}

Carrier* Loop::go_home(Carrier* carrier, Fiber& fiber) {
  // The monitor may still be noting down this carrier.
  while (stealing.load(std::memory_order_acquire)) ::sched_yield();
  carrier->homing = &fiber;
  carrier->fiber = nullptr;
  return settle(switch_stack(carrier, fiber.context, carrier->base));
}

bool Loop::steal(std::uint64_t run_word) {
  if (!word_.compare_exchange_strong(run_word, stolen_word(run_word), std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
    return false;
  }
  // Those who are ready are late, as the new carrier will say too; see carry().
  backlog_.store(ready_count_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return true;
}

void Loop::adopt(Carrier& carrier) {
  carrier.loop = this;
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
  loop.settle(carrier);
  // make_fcontext() took it from whichever fiber made room for this one.
  loop.fp_control_.apply();
  Loop::leave(carrier);
  fiber.run_body();
  carrier = loop.enter(fiber);
  loop.end_fiber(carrier, fiber);
}

Loop::Loop(const RuntimeOptions& options, Runtime::Impl& owner)
    : host(owner),
      stacks_(options.stack_bytes),
      events_(std::make_unique<epoll_event[]>(kEventsPerPoll)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
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
  SAOLA_CHECK(live.load() == 0, "a Runtime was destroyed while its fibers were alive");
}

// ---- Fibers as memory.

Fiber* Loop::create_fiber(std::move_only_function<void()> body) {
  Fiber* fiber = nullptr;
  {
    std::lock_guard lock(fibers_guard_);
    if (free_fibers_ != nullptr) {
      fiber = free_fibers_;
      free_fibers_ = fiber->next_free;
    }
  }
  if (fiber == nullptr) {
    auto made = std::make_unique<Fiber>(*this);
    fiber = made.get();
    std::lock_guard lock(fibers_guard_);
    all_fibers_.push_back(std::move(made));
  }
  fiber->references.store(2, std::memory_order_relaxed);
  fiber->uncancellable = 0;
  fiber->cancel_requested.store(false, std::memory_order_relaxed);
  fiber->stall_policy.store(0, std::memory_order_relaxed);
  fiber->stall_threshold_ns.store(0, std::memory_order_relaxed);
  fiber->id = next_task_id();
  fiber->name.set({});
  fiber->activity.set({});
  fiber->kind.set({});
  fiber->done = false;
  fiber->detached = false;
  fiber->joiner = nullptr;
  fiber->body = std::move(body);
  fiber->waiting = nullptr;
  fiber->context = {};
  live.fetch_add(1, std::memory_order_relaxed);
  return fiber;
}

void Loop::free_fiber(Fiber* fiber) {
  fiber->error = nullptr;
  std::lock_guard lock(fibers_guard_);
  fiber->next_free = free_fibers_;
  free_fibers_ = fiber;
}

// ---- Switching. The caller owns the loop throughout.

void Loop::start(Fiber& fiber) {
  fiber.stack = stacks_.take();
#ifdef SAOLA_ASAN
  __asan_unpoison_memory_region(fiber.stack.bottom, fiber.stack.size);
#endif
  fiber.context.stack =
      boost::context::detail::make_fcontext(fiber.stack.top(), fiber.stack.size, fiber_main);
  fiber.context.bottom = fiber.stack.bottom;
  fiber.context.size = fiber.stack.size;
  fiber.lowest.store(reinterpret_cast<std::uintptr_t>(fiber.stack.bottom),
                     std::memory_order_relaxed);
  fiber.highest.store(reinterpret_cast<std::uintptr_t>(fiber.stack.top()),
                      std::memory_order_relaxed);
  create_sanitizer_fiber(fiber.context);
}

[[gnu::always_inline]] inline Carrier* Loop::switch_out(Carrier* carrier, Context& from) {
  Fiber* next = pick();
  switches.store(++epoch_, std::memory_order_relaxed);
  carrier->fiber = next;
  running_.store(next, std::memory_order_release);
  if (next == nullptr) {
    if (&from == &carrier->base) return carrier;
    return settle(switch_stack(carrier, from, carrier->base));
  }
  carrier->run_word = running_word(epoch_);
  if (&next->context == &from) return carrier;
  return settle(switch_stack(carrier, from, next->context));
}

void Loop::end_fiber(Carrier* carrier, Fiber& fiber) {
  fiber.finish();
  live.fetch_sub(1, std::memory_order_relaxed);
  carrier->dead = &fiber;
  Fiber* next = pick();
  switches.store(++epoch_, std::memory_order_relaxed);
  carrier->fiber = next;
  running_.store(next, std::memory_order_release);
  if (next != nullptr) carrier->run_word = running_word(epoch_);
  leave_for_ever(carrier, fiber.context, next != nullptr ? next->context : carrier->base);
}

Fiber* Loop::pick() {
  for (;;) {
    if (inbox_.load(std::memory_order_relaxed) != nullptr) drain_inbox();
    if (ready_head_ == nullptr) return nullptr;
    const int left = until_pass_.load(std::memory_order_relaxed) - 1;
    until_pass_.store(left, std::memory_order_relaxed);
    if (left < 0) pass();
    Fiber* fiber = ready_head_;
    ready_head_ = fiber->next_ready;
    if (ready_head_ == nullptr) ready_tail_ = nullptr;
    set_ready_count(ready_count_.load(std::memory_order_relaxed) - 1);
    if (const std::uint64_t late = backlog(); late != 0) [[unlikely]] {
      backlog_.store(late - 1, std::memory_order_relaxed);
    }
    if (fiber->stack.bottom == nullptr) {
      try {
        start(*fiber);
      } catch (const std::bad_alloc&) {
        // No stack, so it cannot run: its joiner learns why.
        fiber->error = std::current_exception();
        fiber->body = nullptr;
        fiber->finish();
        live.fetch_sub(1, std::memory_order_relaxed);
        fiber->release();
        continue;
      }
    }
    return fiber;
  }
}

void Loop::make_ready(Fiber& fiber) {
  fiber.next_ready = nullptr;
  if (ready_tail_ != nullptr) {
    ready_tail_->next_ready = &fiber;
  } else {
    ready_head_ = &fiber;
  }
  ready_tail_ = &fiber;
  set_ready_count(ready_count_.load(std::memory_order_relaxed) + 1);
}

void Loop::pass() {
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
  backlog_.store(ready_count_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  for (;;) {
    switch_out(&carrier, carrier.base);
    if (Fiber* fiber = std::exchange(carrier.homing, nullptr)) {
      // This thread no longer owns anything. The fiber is off this stack: the new carrier may run
      // it.
      if (Rescue* rescue = std::exchange(carrier.rescue, nullptr)) {
        rescue->ended_ns.store(now_ns(), std::memory_order_release);
      }
      send(fiber->ready_node);
      return Carried::kLost;
    }
    if (inbox_.load(std::memory_order_relaxed) != nullptr) continue;
    if (live.load(std::memory_order_relaxed) == 0) return Carried::kFinished;
    run_timers();
    if (ready_head_ == nullptr) poll(true);
  }
}

// ---- Waiting.

Wake Loop::park(Fiber& fiber, Waiter& waiter, Deadline deadline, Cancellable cancellable) {
  Carrier* carrier = enter(fiber);
  const Wake wake = park_owned(carrier, fiber, waiter, deadline, cancellable);
  leave(carrier);
  return wake;
}

Wake Loop::park_owned(Carrier*& carrier, Fiber& fiber, Waiter& waiter, Deadline deadline,
                      Cancellable cancellable) {
  auto& state = WaiterAccess::state(waiter);
  const bool may_cancel = cancellable == Cancellable::kYes && fiber.uncancellable == 0;
  if (may_cancel && fiber.cancel_requested.load(std::memory_order_relaxed)) {
    WaiterAccess::claim(waiter, kCancelled);
  }
  std::uint32_t expected = kIdle;
  if (!state.compare_exchange_strong(expected, kParked, std::memory_order_acq_rel,
                                     std::memory_order_acquire)) {
    return WaiterAccess::outcome(expected);
  }
  if (may_cancel) fiber.waiting = &waiter;
  if (!deadline.is_never()) {
    timers_.add(deadline.time(), waiter);
    publish_next_timer();
  }
  if (const auto* holder = WaiterAccess::lock_holder(waiter)) [[unlikely]] {
    LockWait lock_wait{fiber, *holder, std::chrono::steady_clock::now()};
    lock_waits_.add(lock_wait);
    carrier = switch_out(carrier, fiber.context);
    lock_waits_.remove(lock_wait);
  } else {
    carrier = switch_out(carrier, fiber.context);
  }
  fiber.waiting = nullptr;
  if (!deadline.is_never()) {
    timers_.remove(waiter);
    publish_next_timer();
  }
  return WaiterAccess::outcome(state.load(std::memory_order_acquire));
}

void Loop::yield(Carrier* carrier) {
  Fiber& fiber = *carrier->fiber;
  if (fiber.should_cancel()) this_task::throw_cancelled();
  if (try_enter(carrier) == nullptr) [[unlikely]]
    carrier = go_home(carrier, fiber);
  make_ready(fiber);
  carrier = switch_out(carrier, fiber.context);
  leave(carrier);
  if (fiber.should_cancel()) this_task::throw_cancelled();
}

void Loop::publish_next_timer() {
  next_timer_ns_.store(timers_.next().time_since_epoch().count(), std::memory_order_relaxed);
}

void Loop::run_timers() {
  if (timers_.empty()) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  bool any = false;
  while (Waiter* waiter = timers_.pop_due(now)) {
    any = true;
    auto* fiber = static_cast<Fiber*>(WaiterAccess::task(*waiter));
    if (WaiterAccess::claim(*waiter, kTimedOut)) make_ready(*fiber);
  }
  if (any) publish_next_timer();
}

namespace {

// epoll_pwait2(2), or where the kernel has none (before Linux 5.11) or a sandbox forbids it,
// epoll_wait(2), whose milliseconds are rounded up.
int wait_for_events(int epoll, epoll_event* events, const timespec* limit) {
  static std::atomic<bool> precise{true};  // relaxed: each thread may find out for itself
  if (precise.load(std::memory_order_relaxed)) {
    const int n = ::epoll_pwait2(epoll, events, kEventsPerPoll, limit, nullptr);
    if (n >= 0 || (last_errno() != ENOSYS && last_errno() != EPERM)) return n;
    precise.store(false, std::memory_order_relaxed);
  }
  int milliseconds = -1;
  if (limit != nullptr) {
    constexpr std::int64_t kLongest = 3'600'000;  // the loop looks at its timers, and waits again
    milliseconds = static_cast<int>(
        std::min(kLongest, limit->tv_sec * 1000 + (limit->tv_nsec + 999'999) / 1'000'000));
  }
  return ::epoll_wait(epoll, events, kEventsPerPoll, milliseconds);
}

}  // namespace

// Every way out of sleep passes here: a monitor that saw it, however short it was, may be going to
// sleep itself.
void Loop::stop_sleeping() {
  asleep_.store(false);
  if (monitor_wanted.load() != 0 && monitor_wanted.exchange(0) != 0) futex_wake(monitor_wanted);
}

void Loop::poll(bool wait) {
  timespec timeout{};
  timespec* limit = &timeout;
  if (wait) {
    // Sequentially consistent on purpose; see asleep_ and send().
    asleep_.store(true);
    if (inbox_.load() != nullptr) {
      stop_sleeping();
      return;
    }
    switches.store(++epoch_, std::memory_order_relaxed);
    if (timers_.empty()) {
      limit = nullptr;
    } else {
      const Duration left = Deadline::at(timers_.next()).remaining();
      timeout.tv_sec = left.count() / 1'000'000'000;
      timeout.tv_nsec = left.count() % 1'000'000'000;
    }
  }
  const int n = wait_for_events(epoll_.get(), events_.get(), limit);
  if (wait) {
    switches.store(++epoch_, std::memory_order_relaxed);
    stop_sleeping();
  }
  for (int i = 0; i < n; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) {
      std::uint64_t count;
      [[maybe_unused]] ssize_t got = ::read(wake_.get(), &count, sizeof count);
    } else {
      static_cast<FdWatch*>(event.data.ptr)->on_events(event.events);
    }
  }
  pass_tsc_ = clock_ticks();
  last_pass_ns.store(now_ns(), std::memory_order_relaxed);
}

void FdWatch::on_events(std::uint32_t events) {
  constexpr std::uint32_t kRead = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  constexpr std::uint32_t kWrite = EPOLLOUT | EPOLLHUP | EPOLLERR;
  constexpr std::uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((events & kEnd) != 0) ended.store(true, std::memory_order_relaxed);
  if ((events & kRead) != 0) {
    readable = true;
    if (reader != nullptr) std::exchange(reader, nullptr)->notify();
  }
  if ((events & kWrite) != 0) {
    writable = true;
    if (writer != nullptr) std::exchange(writer, nullptr)->notify();
  }
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
  send(fiber.ready_node);
}

bool Loop::send(InboxNode& node) {
  InboxNode* head = inbox_.load(std::memory_order_relaxed);
  do {
    node.next = head;
  } while (!inbox_.compare_exchange_weak(head, &node));
  const bool was_empty = head == nullptr;  // from here on the node may be gone
  if (asleep_.load() && asleep_.exchange(false)) {
    const std::uint64_t one = 1;
    [[maybe_unused]] ssize_t n = ::write(wake_.get(), &one, sizeof one);
  }
  return was_empty;
}

void Loop::drain_inbox() {
  InboxNode* node = inbox_.exchange(nullptr, std::memory_order_acquire);
  InboxNode* in_order = nullptr;
  while (node != nullptr) {
    InboxNode* next = node->next;
    node->next = in_order;
    in_order = node;
    node = next;
  }
  while (in_order != nullptr) {
    InboxNode* current = std::exchange(in_order, in_order->next);
    switch (current->kind) {
      case InboxNode::Kind::kReady:
        make_ready(*static_cast<Fiber*>(current->subject));
        break;
      case InboxNode::Kind::kCancel: {
        auto* fiber = static_cast<Fiber*>(current->subject);
        if (fiber->waiting != nullptr && WaiterAccess::claim(*fiber->waiting, kCancelled)) {
          make_ready(*fiber);
        }
        fiber->release();
        break;
      }
      case InboxNode::Kind::kNativeEnded:
        live.fetch_sub(1, std::memory_order_relaxed);
        static_cast<TaskState*>(current->subject)->release();
        break;
      case InboxNode::Kind::kRetireWatch:
        delete static_cast<FdWatch*>(current->subject);
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

bool Loop::others_wait() const {
  if (ready_count_.load(std::memory_order_relaxed) > 0) return true;
  // The monitor's own question is nobody who waits.
  const InboxNode* newest = inbox_.load(std::memory_order_relaxed);
  if (newest != nullptr && !(newest == &lock_question.node && lock_question.alone)) return true;
  if (next_timer_ns_.load(std::memory_order_relaxed) <= now_ns()) return true;
  return is_readable(epoll_.get());
}

// ---- The fiber as a task.

void Fiber::interrupt() {
  retain();
  loop.send(cancel_node);
}

void Fiber::dispose() {
  loop.free_fiber(this);
}

Wake Fiber::park(Waiter& waiter, Deadline deadline, Cancellable cancellable) {
  return loop.park(*this, waiter, deadline, cancellable);
}

void Fiber::unpark(std::atomic<std::uint32_t>*) {
  loop.schedule(*this);
}

}  // namespace saola::runtime::detail
