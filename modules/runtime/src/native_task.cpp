#include "native_task.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

#include "futex.hpp"
#include "list/thread_list.hpp"
#include "loop/loop.hpp"
#include "loop/time_slice.hpp"
#include "monitor/thread_probe.hpp"
#include "runtime_impl.hpp"
#include "scope_state.hpp"

namespace saola::runtime::detail {
namespace {

constexpr Duration kLookAround = std::chrono::milliseconds(10);

}  // namespace

// ---- Waiting on a thread.

void BlockingTask::interrupt() {
  std::lock_guard lock(guard_);
  if (waiting_ != nullptr) {
    auto& state = WaiterAccess::state(*waiting_);
    if (WaiterAccess::claim(*waiting_, kCancelled)) futex_wake(state);
  }
  wake_poll();
}

Wake BlockingTask::park(Waiter& waiter, Deadline deadline, Cancellable cancellable) {
  auto& state = WaiterAccess::state(waiter);
  const bool may_cancel = cancellable == Cancellable::kYes && uncancellable == 0;
  if (may_cancel) {
    std::lock_guard lock(guard_);
    if (cancel_requested.load(std::memory_order_relaxed)) WaiterAccess::claim(waiter, kCancelled);
    waiting_ = &waiter;
  }
  std::uint32_t seen = kIdle;
  if (state.compare_exchange_strong(seen, kParked, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
    note_wait(waiter, deadline);
    std::optional<VirtualClock::Wait> on_clock;
    if (VirtualClock* clock = VirtualClock::current()) {
      on_clock.emplace(*clock, *this, waiter, deadline);
      deadline = Deadline::never();  // the clock ends it
    }
    while ((seen = state.load(std::memory_order_acquire)) == kParked) {
      futex_wait(state, kParked, deadline);
      if (state.load(std::memory_order_acquire) == kParked && deadline.passed()) {
        WaiterAccess::claim(waiter, kTimedOut);
      }
    }
    wait.end();
  }
  if (may_cancel) {
    std::lock_guard lock(guard_);
    waiting_ = nullptr;
  }
  return WaiterAccess::outcome(seen);
}

void BlockingTask::note_wait(Waiter& waiter, Deadline deadline) {
  wait.begin(WaiterAccess::what(waiter), deadline, real_ns(), ++waits_);
}

void BlockingTask::unpark(std::atomic<std::uint32_t>* waiter_state) {
  futex_wake(*waiter_state);
  if (!polling_.load(std::memory_order_relaxed)) return;
  std::lock_guard lock(guard_);
  wake_poll();
}

void BlockingTask::wake_poll() {
  if (!wake_event_) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] ssize_t n = ::write(wake_event_.get(), &one, sizeof one);
}

short poll_events(bool for_reading) {
  return for_reading ? POLLIN | POLLRDHUP : POLLOUT;
}

Wake BlockingTask::park_polling(Waiter& waiter, std::vector<pollfd> descriptors,
                                Deadline deadline) {
  return park_within_scope(*this, waiter, deadline, Cancellable::kYes, [&](Deadline until) {
    return poll_until(waiter, descriptors, until, Woken::kByOthers);
  });
}

Wake BlockingTask::poll_fd(int fd, bool for_reading, Deadline deadline, WaitFor what) {
  Waiter waiter(what);
  std::vector<pollfd> one{{.fd = fd, .events = poll_events(for_reading), .revents = 0}};
  // A plain thread outside of any scope is nobody's to cancel.
  if (kind == TaskKind::kThread && scope == nullptr) {
    return poll_until(waiter, one, deadline, Woken::kByNobody);
  }
  return park_polling(waiter, std::move(one), deadline);
}

Wake BlockingTask::poll_until(Waiter& waiter, std::vector<pollfd>& descriptors, Deadline deadline,
                              Woken woken) {
  auto& state = WaiterAccess::state(waiter);
  VirtualClock* clock = VirtualClock::current();
  if (clock != nullptr) woken = Woken::kByOthers;  // it ends the wait
  descriptors.push_back({.fd = -1, .events = POLLIN, .revents = 0});
  pollfd& wake = descriptors.back();
  {
    std::lock_guard lock(guard_);
    if (uncancellable == 0) {
      if (cancel_requested.load(std::memory_order_relaxed)) WaiterAccess::claim(waiter, kCancelled);
      waiting_ = &waiter;
    }
    polling_.store(true, std::memory_order_relaxed);
  }
  std::uint32_t seen = kIdle;
  if (state.compare_exchange_strong(seen, kParked, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
    note_wait(waiter, deadline);
    std::optional<VirtualClock::Wait> on_clock;
    if (clock != nullptr) {
      on_clock.emplace(*clock, *this, waiter, deadline,
                       std::vector(descriptors.begin(), descriptors.end() - 1));
      deadline = Deadline::never();
    }
    while ((seen = state.load(std::memory_order_acquire)) == kParked) {
      Deadline until = deadline;
      if (woken == Woken::kByOthers) {
        std::lock_guard lock(guard_);
        if (!wake_event_) wake_event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        wake.fd = wake_event_.get();
        // Out of descriptors: look for an end every now and then, and try again to make one.
        if (wake.fd < 0) until = min(until, Deadline::after(kLookAround));
      }
      timespec timeout{};
      if (!until.is_never()) {
        const auto left = until.remaining().count();
        timeout = {.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
      }
      const int n = ::ppoll(descriptors.data(), descriptors.size(),
                            until.is_never() ? nullptr : &timeout, nullptr);
      if (n > 0 && wake.revents != 0) {
        std::uint64_t count;
        [[maybe_unused]] ssize_t got = ::read(wake.fd, &count, sizeof count);
      }
      if (n > (wake.revents != 0 ? 1 : 0)) {
        WaiterAccess::claim(waiter, kNotified);
      } else if (n == 0 && deadline.passed()) {
        WaiterAccess::claim(waiter, kTimedOut);
      }
    }
  }
  wait.end();
  std::lock_guard lock(guard_);
  waiting_ = nullptr;
  polling_.store(false, std::memory_order_relaxed);
  return WaiterAccess::outcome(seen);
}

ThreadRecord::Seen this_thread() {
  // Asked once for each thread, as it costs microseconds.
  static thread_local const ThreadRecord::Seen me = [] {
    ThreadRecord::Seen thread{.tid = ::gettid()};
    pthread_attr_t attributes;
    if (::pthread_getattr_np(::pthread_self(), &attributes) == 0) {
      void* bottom = nullptr;
      std::size_t size = 0;
      ::pthread_attr_getstack(&attributes, &bottom, &size);
      ::pthread_attr_destroy(&attributes);
      thread.bottom = reinterpret_cast<std::uintptr_t>(bottom);
      thread.top = thread.bottom + size;
    }
    return thread;
  }();
  ThreadRecord::Seen now = me;
  now.since = std::chrono::steady_clock::now();
  return now;
}

WorksFor::WorksFor(TaskState& task) : task_(task) {
  ThreadRecord::Seen thread = this_thread();
  thread.cpu_before = cpu_before_ = ThreadProbe::cpu_time(thread.tid);
  tid_ = thread.tid;
  task_.runs_on.begin(thread);
}

WorksFor::~WorksFor() {
  task_.cpu_ns.fetch_add((ThreadProbe::cpu_time(tid_) - cpu_before_).count(),
                         std::memory_order_relaxed);
  task_.runs_on.end(tid_);
}

void NativeTask::run() {
  if (loop == nullptr) thread_list().add(*this);
  {
    const WorksFor listed(*this);
    set_current_thread_task(this);
    run_body();
    set_current_thread_task(nullptr);
  }
  if (loop == nullptr) thread_list().remove(*this);
  finish();
  if (loop != nullptr) {
    loop->host.forget(*this);
    loop->send(ended_node);  // the loop releases the body's reference
  } else {
    release();
  }
}

// ---- Pools.

NativePool::~NativePool() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  changed_.wait(lock, [&] { return threads_.running() == 0; });
  lock.unlock();
  threads_.join_last();
}

void NativePool::submit(std::move_only_function<void()> work) {
  check_outside_section();
  std::lock_guard lock(mutex_);
  Work& queued = work_.emplace_back(std::move(work));
  if (idle_ >= work_.size()) {
    queued.hold = VirtualClock::Hold(VirtualClock::current());
    changed_.notify_one();
    return;
  }
  if (threads_.running() >= options_.max_threads) return;
  VirtualClock::Hold hold(VirtualClock::current());
  std::exception_ptr error;
  run_undemoted([&] {
    try {
      threads_.start([this](ThreadSet::Handle self) { serve(self); });
    } catch (const std::exception&) {
      error = std::current_exception();
    }
  });
  if (error == nullptr) {
    queued.hold = std::move(hold);
  } else if (threads_.running() == 0) {
    work_.pop_back();
    std::rethrow_exception(error);
  }
}

void NativePool::serve(ThreadSet::Handle self) {
  ::pthread_setname_np(::pthread_self(), options_.name.substr(0, 15).c_str());
  set_time_slice(0, kDefaultSlice);  // it may have inherited a carrier's
  if (options_.nice != 0) {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), options_.nice);
    set_starter_for_this_thread(&starter_);
  }
  std::unique_lock lock(mutex_);
  VirtualClock::Hold hold;  // one from the first piece of work to the last
  for (;;) {
    if (!work_.empty()) {
      Work work = std::move(work_.front());
      work_.pop_front();
      if (!hold) {
        hold = work.hold ? std::move(work.hold) : VirtualClock::Hold(VirtualClock::current());
        VirtualClock::count_this_thread(static_cast<bool>(hold));
      }
      work.hold.release();
      lock.unlock();
      work.run();
      work = {};
      lock.lock();
      continue;
    }
    if (hold) {
      lock.unlock();
      VirtualClock::count_this_thread(false);
      hold.release();
      lock.lock();
      continue;
    }
    if (stopping_) break;
    ++idle_;
    const bool woken =
        changed_.wait_for(lock, options_.idle_limit, [&] { return stopping_ || !work_.empty(); });
    --idle_;
    if (!woken) break;
  }
  std::thread before = threads_.leave(self);
  changed_.notify_all();
  lock.unlock();
  if (before.joinable()) before.join();
}

}  // namespace saola::runtime::detail
