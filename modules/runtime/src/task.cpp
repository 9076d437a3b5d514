#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include <saola/base/check.hpp>
#include <saola/base/exception_text.hpp>
#include <saola/base/log.hpp>
#include <saola/runtime/native_thread.hpp>
#include <saola/runtime/task.hpp>

#include "list/thread_list.hpp"
#include "native_task.hpp"
#include "runtime_impl.hpp"
#include "task_state.hpp"

namespace saola::runtime {
namespace detail {
namespace {

// A plain thread that waits or asks who it is; it is nobody's to cancel.
struct ThreadTask final : BlockingTask {
  ThreadTask() : BlockingTask(TaskKind::kThread) {
    id = next_task_id();
    name.set(kUnnamedThread);
    activity.set({});
    runs_on.begin(this_thread());
    born_ns.store(real_ns(), std::memory_order_relaxed);
    thread_list().add(*this);
  }
  ~ThreadTask() override {
    thread_list().remove(*this);
    destroy_locals(*this);
  }
  void dispose() override {}
};

thread_local TaskState* this_threads_task = nullptr;

[[gnu::noipa]] TaskState* thread_task() {
  asm volatile("" ::: "memory");
  if (this_threads_task != nullptr) return this_threads_task;
  static thread_local ThreadTask task;
  return &task;
}

bool same_loop(const TaskState& a, const TaskState& b) {
  return a.kind == TaskKind::kFiber && b.kind == TaskKind::kFiber &&
         &static_cast<const Fiber&>(a).loop == &static_cast<const Fiber&>(b).loop;
}

void log_lost(const TaskState& task, const std::exception_ptr& error) {
  log_error(
      "a detached task ended with an exception; nobody will see it but this log",
      {{"task", task.id.load()}, {"name", task.name.get()}, {"exception", exception_text(error)}});
}

}  // namespace

[[gnu::noipa]] void set_current_thread_task(TaskState* task) {
  asm volatile("" ::: "memory");
  this_threads_task = task;
}

TaskState& current_task() {
  Carrier* carrier = current_carrier();
  if (carrier != nullptr && carrier->fiber != nullptr) return *carrier->fiber;
  return *thread_task();
}

std::uint64_t next_task_id(Carrier* here) {
  // Relaxed: only uniqueness matters.
  static std::atomic<std::uint64_t> next{1};
  constexpr std::uint64_t kBlock = 256;
  if (here == nullptr) return next.fetch_add(1, std::memory_order_relaxed);
  Spares& spares = here->spares;
  if (spares.next_id == spares.ids_end) {
    spares.next_id = next.fetch_add(kBlock, std::memory_order_relaxed);
    spares.ids_end = spares.next_id + kBlock;
  }
  return spares.next_id++;
}

void TaskState::run_body() {
  check_outside_section();
  try {
    body();
  } catch (const Cancelled&) {
    error = std::current_exception();
  } catch (...) {
    error = std::current_exception();
  }
  body = nullptr;
  destroy_locals(*this);
}

void TaskState::finish() {
  bool nobody_asks;
  {
    std::lock_guard lock(join_guard);
    done = true;
    nobody_asks = detached;
    if (joiner != nullptr) std::exchange(joiner, nullptr)->notify();
  }
  if (nobody_asks) lose_error();
}

void TaskState::lose_error() {
  if (error == nullptr) return;
  check_outside_section();
  const std::exception_ptr lost = std::move(error);
  if (!cancel_requested.load(std::memory_order_relaxed)) log_lost(*this, lost);
}

void TaskState::prepare_task(std::move_only_function<void()>&& work, Carrier* here) {
  uncancellable = 0;
  cancel_requested.store(false, std::memory_order_relaxed);
  stall_policy.store(0, std::memory_order_relaxed);
  stall_threshold_ns.store(0, std::memory_order_relaxed);
  id.store(next_task_id(here), std::memory_order_relaxed);
  priority.store(Priority::kNormal, std::memory_order_relaxed);
  locks_held.store(0, std::memory_order_relaxed);
  cpu_ns.store(0, std::memory_order_relaxed);
  name.set({});
  activity.set({});
  done = false;
  detached = false;
  joiner = nullptr;
  body = std::move(work);
  // Release: try_retain() finds the task complete.
  references.store(2, std::memory_order_release);
}

bool TaskState::try_retain() {
  std::uint32_t seen = references.load(std::memory_order_relaxed);
  while (seen != 0) {
    if (references.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

}  // namespace detail

using detail::current_task;
using detail::Fiber;
using detail::Loop;
using detail::NativeTask;
using detail::TaskKind;
using detail::TaskState;

// ---- Task

Task& Task::operator=(Task&& other) noexcept {
  if (this != &other) {
    Task old(std::exchange(state_, std::exchange(other.state_, nullptr)));
  }
  return *this;
}

Task::~Task() {
  if (state_ == nullptr) return;
  this_task::Uncancellable guard;
  cancel();
  try {
    join();
  } catch (...) {
    // Whoever drops the handle does not want the result.
  }
}

void Task::join() {
  join(Deadline::never());
}

bool Task::join(Deadline deadline) {
  SAOLA_CHECK(state_ != nullptr, "join() of an empty Task");
  TaskState* state = state_;
  {
    std::unique_lock lock(state->join_guard);
    if (!state->done) {
      SAOLA_CHECK(state->joiner == nullptr, "two tasks wait for the end of one Task");
      Waiter waiter({WaitKind::kTask, state->id.load(std::memory_order_relaxed)});
      WaitNode node(waiter);
      state->joiner = &node;
      lock.unlock();
      const Wake wake = waiter.park(deadline);
      // Passing the lock means that finish() is through with this task, whose thread or Runtime may
      // soon be gone. But a fiber of the same loop keeps that alive, and so the joiner's memory.
      if (wake != Wake::kNotified ||
          !detail::same_loop(*state, *detail::WaiterAccess::task(waiter))) {
        lock.lock();
        state->joiner = nullptr;
        if (!state->done) {
          if (wake == Wake::kCancelled) this_task::throw_cancelled();
          return false;
        }
      }
    }
  }
  state_ = nullptr;
  if (state->kind == TaskKind::kNative) {
    if (auto& thread = static_cast<NativeTask*>(state)->thread; thread.joinable()) thread.join();
  }
  const std::exception_ptr error = std::move(state->error);
  state->release();
  if (error != nullptr) std::rethrow_exception(error);
  return true;
}

void Task::cancel() {
  SAOLA_CHECK(state_ != nullptr, "cancel() of an empty Task");
  state_->request_cancel();
}

bool Task::done() const {
  SAOLA_CHECK(state_ != nullptr, "done() of an empty Task");
  std::lock_guard lock(state_->join_guard);
  return state_->done;
}

void Task::detach() {
  SAOLA_CHECK(state_ != nullptr, "detach() of an empty Task");
  TaskState* state = std::exchange(state_, nullptr);
  if (state->kind == TaskKind::kNative) {
    if (auto& thread = static_cast<NativeTask*>(state)->thread; thread.joinable()) thread.detach();
  }
  bool ended;
  {
    std::lock_guard lock(state->join_guard);
    state->detached = true;
    ended = state->done;
  }
  if (ended) state->lose_error();
  state->release();
}

std::uint64_t Task::id() const {
  SAOLA_CHECK(state_ != nullptr, "id() of an empty Task");
  return state_->id;
}

Task spawn(std::move_only_function<void()> body, SpawnOptions options, std::source_location site) {
  if (detail::Carrier* carrier = detail::current_carrier();
      carrier != nullptr && carrier->fiber != nullptr) {
    return Task(carrier->loop->host.spawn(std::move(body), options, site, carrier->fiber));
  }
  TaskState& caller = current_task();
  if (caller.kind == TaskKind::kNative) {
    if (Loop* loop = static_cast<NativeTask&>(caller).loop; loop != nullptr) {
      return Task(loop->host.spawn_native(std::move(body), options, &caller));
    }
  }
  auto* task = new NativeTask(nullptr);
  task->prepare_task(std::move(body));
  task->name.set(options.name);
  task->born_ns.store(detail::real_ns(), std::memory_order_relaxed);
  task->inherit_from(caller);
  try {
    task->thread = start_thread([task] { task->run(); });
  } catch (...) {
    delete task;
    throw;
  }
  return Task(task);
}

// ---- this_task

namespace this_task {

void yield() {
  detail::Carrier* carrier = detail::current_carrier();
  if (carrier != nullptr && carrier->fiber != nullptr) return carrier->loop->yield(carrier);
  check_cancelled();
  ::sched_yield();
  check_cancelled();
}

void sleep_until(Deadline deadline) {
  Waiter waiter(WaitKind::kSleep);
  if (waiter.park(deadline) == Wake::kCancelled) throw_cancelled();
}

void sleep_for(Duration duration) {
  sleep_until(Deadline::after(duration));
}

bool on_fiber() {
  return current_task().kind == TaskKind::kFiber;
}

bool cancel_requested() {
  return current_task().asked_to_stop();
}

void check_cancelled() {
  if (current_task().should_cancel()) throw_cancelled();
}

std::uint64_t id() {
  return current_task().id;
}

std::string name() {
  return current_task().name.get();
}

void set_activity(std::string_view activity) {
  current_task().activity.set(activity);
}

void set_stall_policy(StallPolicy policy, Duration threshold) {
  TaskState& task = current_task();
  task.stall_policy.store(static_cast<std::uint8_t>(policy) + 1, std::memory_order_relaxed);
  task.stall_threshold_ns.store(threshold.count(), std::memory_order_relaxed);
}

void trim_stack() {
  TaskState& task = current_task();
  if (task.kind != TaskKind::kFiber) return;
  const detail::Stack& stack = static_cast<Fiber&>(task).stack;
  static const auto kPage = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  // Below this frame, the red zone and the frame of madvise itself nothing is alive.
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) - 1024;
  const auto end = here & ~(kPage - 1);
  const auto begin = reinterpret_cast<std::uintptr_t>(stack.bottom);
  if (end > begin) ::madvise(stack.bottom, end - begin, MADV_DONTNEED);
}

Uncancellable::Uncancellable() {
  ++current_task().uncancellable;
}
Uncancellable::~Uncancellable() {
  --current_task().uncancellable;
}

}  // namespace this_task

}  // namespace saola::runtime
