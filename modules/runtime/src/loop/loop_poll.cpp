// The loop and the kernel: waiting for events and timers.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "futex.hpp"
#include "io/fd_watch.hpp"
#include "loop/clock_ticks.hpp"
#include "loop/last_errno.hpp"
#include "loop/loop.hpp"
#include "testing/virtual_clock.hpp"

namespace saola::runtime::detail {

void Loop::run_timers() {
  if (timers_.empty()) return;
  const SteadyTime now = steady_now();
  bool any = false;
  while (Waiter* waiter = timers_.pop_due(now)) {
    any = true;
    auto* fiber = static_cast<Fiber*>(WaiterAccess::task(*waiter));
    if (WaiterAccess::claim(*waiter, kTimedOut)) make_ready(*fiber);
  }
  if (any) publish_next_timer();
}

void Loop::wake_up() {
  const std::uint64_t one = 1;
  [[maybe_unused]] ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

void Loop::retire(void* watch) {
  delete static_cast<FdWatch*>(watch);
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
    if (!inbox_.empty()) {
      stop_sleeping();
      return;
    }
    switches.store(++epoch_, std::memory_order_relaxed);
    if (virtual_clock_ != nullptr) [[unlikely]] {
      virtual_clock_->sleep(*this);
    } else if (timers_.empty()) {
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
  (void)watches_made_.load(std::memory_order_acquire);
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
  const std::int64_t now_ns = real_ns();
  last_pass_ns.store(now_ns, std::memory_order_relaxed);
  note_time(now_ns);
}

// ---- A test's virtual clock.

SteadyTime Loop::rests_until() const {
  if (!inbox_.empty() || is_readable(epoll_.get())) return SteadyTime::min();
  return SteadyTime(
      Duration(std::min(next_timer_ns_.load(std::memory_order_relaxed), side.next_timer_ns())));
}

void Loop::time_has_moved() {
  const std::int64_t now = ns_of(steady_now());
  if (next_timer_ns_.load(std::memory_order_relaxed) <= now) wake_up();
  if (side.next_timer_ns() <= now) side.wake();
}

}  // namespace saola::runtime::detail
