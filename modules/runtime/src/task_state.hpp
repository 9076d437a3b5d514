// What every task is, whichever model it runs in: identity, cancel flag, result, joiner, local
// storage.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <saola/runtime/park.hpp>
#include <saola/runtime/task.hpp>

#include "list/wait_record.hpp"

namespace saola::runtime::detail {

// A short text that the monitor and lists may read while its task writes it: each byte is an atomic,
// so a torn read gives a mixed text and nothing worse. Release and acquire: who reads a byte of
// another task's life sees, when it looks again, that this task's has ended (Fiber::listed).
template <std::size_t N>
class SharedText {
 public:
  void set(std::string_view text) {
    const std::size_t n = std::min(text.size(), N - 1);
    for (std::size_t i = 0; i < n; ++i) bytes_[i].store(text[i], std::memory_order_release);
    bytes_[n].store('\0', std::memory_order_release);
  }
  std::string get() const {
    std::string out;
    for (std::size_t i = 0; i < N; ++i) {
      const char c = bytes_[i].load(std::memory_order_acquire);
      if (c == '\0') break;
      out += c;
    }
    return out;
  }
  // For signal handlers: at most N bytes into `to`, their number into `length`.
  void copy_to(char* to, std::size_t& length) const {
    for (length = 0; length < N; ++length) {
      to[length] = bytes_[length].load(std::memory_order_acquire);
      if (to[length] == '\0') break;
    }
  }
  bool empty() const { return bytes_[0].load(std::memory_order_relaxed) == '\0'; }

 private:
  std::array<std::atomic<char>, N> bytes_;  // set() comes before the first get()
};

// Adds without a locked instruction. REQUIRES: no other thread writes `counter` now.
template <typename T>
void add_unshared(std::atomic<T>& counter, std::type_identity_t<T> change) {
  counter.store(counter.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
}

// A task's values of TaskLocal; see task_local.cpp. Touched by the task only.
struct TaskLocals {
  struct Slot {
    void* value = nullptr;
    void (*destroy)(void*) = nullptr;
    std::size_t older = 0;  // as newest
  };
  std::vector<Slot> slots;  // by TaskLocal's index
  std::size_t newest = 0;   // 1 + index of the value that was made last; 0: none
};

struct Carrier;
struct ScopeState;
// Values of InheritedLocal by its index. Never changed once shared: set() makes a new table.
using InheritedTable = std::vector<std::shared_ptr<const void>>;

// What a plain thread is called as a task; lists show the thread's own name.
inline constexpr std::string_view kUnnamedThread = "thread";

enum class TaskKind : std::uint8_t { kFiber, kNative, kThread };

// Fiber (fiber.hpp), NativeTask (native_task.hpp) and ThreadTask (task_state.cpp) derive from it.
struct TaskState {
  explicit TaskState(TaskKind k) : kind(k) {}
  virtual ~TaskState() = default;

  const TaskKind kind;
  std::uint32_t uncancellable = 0;  // nesting of this_task::Uncancellable; touched by the task only
  // One for the Task handle, one for the running body; none until prepare_task() has made a task of
  // it. Decremented with acq_rel: the last one destroys.
  std::atomic<std::uint32_t> references{0};
  // Set once by cancel(), relaxed: what makes the task look again is the Waiter's own ordering.
  std::atomic<bool> cancel_requested{false};
  // StallPolicy + 1, or 0 for the runtime's. Relaxed: the monitor takes whichever it sees.
  std::atomic<std::uint8_t> stall_policy{0};
  std::atomic<std::int64_t> stall_threshold_ns{0};
  // Written before the task first runs; the reads of others are of any life.
  std::atomic<std::uint64_t> id{0};
  // Relaxed: written before it first runs.
  std::atomic<Priority> priority{Priority::kNormal};
  // Locks of this runtime that it holds: its thread is not demoted then. Written by the task, read
  // by the monitor; relaxed.
  std::atomic<std::uint32_t> locks_held{0};
  // CPU used, as seen: on the loop by the monitor's looks, elsewhere by slices. Relaxed.
  std::atomic<std::int64_t> cpu_ns{0};
  // For lists. When it was spawned (real steady time), and the deadline of its scopes: relaxed, single
  // values.
  std::atomic<std::int64_t> born_ns{0};
  std::atomic<std::int64_t> scope_deadline_ns{INT64_MAX};
  WaitRecord wait;
  ThreadRecord runs_on;
  SharedText<48> name;
  SharedText<96> activity;

  // The result, and who waits for it.
  SpinLock join_guard;
  bool done = false;           // GUARDED_BY(join_guard)
  bool detached = false;       // GUARDED_BY(join_guard)
  WaitNode* joiner = nullptr;  // GUARDED_BY(join_guard)
  // Written before done; then the joiner's or, when there is none, the last one's who looks at
  // `detached` and `done`. Destroyed by whoever has it: a user's code, so never in a runtime
  // section.
  std::exception_ptr error;

  std::move_only_function<void()> body;

  TaskLocals locals;
  // What children start with; written before a child first runs, then touched by the task only.
  // Shared with them, as they may outlive this task; null: outside of any scope, nothing set.
  std::shared_ptr<ScopeState> scope;
  std::shared_ptr<const InheritedTable> inherited;

  // Wakes the task's present or next cancellable wait. Called once, after cancel_requested was set.
  virtual void interrupt() = 0;
  // The last reference is gone.
  virtual void dispose() = 0;
  // The calling task waits; see Waiter::park().
  virtual Wake park(Waiter& waiter, Deadline deadline, Cancellable cancellable) = 0;
  // `waiter` was moved from parked to an outcome: run the task again. `waiter` may be gone.
  virtual void unpark(std::atomic<std::uint32_t>* waiter_state) = 0;

  void retain() { references.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) dispose();
  }
  void took_lock() { add_unshared(locks_held, 1); }
  void gave_lock_back() { add_unshared(locks_held, -1); }
  bool should_cancel() const { return uncancellable == 0 && asked_to_stop(); }
  // By cancel(), or by the end of a scope.
  bool asked_to_stop() const {
    return cancel_requested.load(std::memory_order_relaxed) ||
           (scope != nullptr && scope_has_ended());
  }
  void request_cancel() {
    if (!cancel_requested.exchange(true, std::memory_order_acq_rel)) interrupt();
  }
  // Runs body and keeps its exception; then destroys body and the locals.
  void run_body();
  // Publishes the end to the joiner. REQUIRES: not in a runtime section, unless `error` is null.
  void finish();
  // The error of a detached task that has ended: logs and destroys it. Not in a runtime section.
  void lose_error();
  // Makes a new task of it: two references, nothing asked of it. `here` as for next_task_id().
  void prepare_task(std::move_only_function<void()>&& work, Carrier* here = nullptr);
  // One more reference, unless the task is gone.
  bool try_retain();
  void inherit_from(const TaskState& parent) {
    if (parent.scope != scope) enter_scope(parent.scope);
    if (parent.inherited != inherited) inherited = parent.inherited;
  }
  // Null: outside of any.
  void enter_scope(std::shared_ptr<ScopeState> which);

 private:
  bool scope_has_ended() const;
};

// States of Waiter::state_.
enum : std::uint32_t { kIdle = 0, kParked = 1, kNotified = 2, kTimedOut = 3, kCancelled = 4 };

struct WaiterAccess {
  static std::atomic<std::uint32_t>& state(Waiter& w) { return w.state_; }
  static TaskState* task(Waiter& w) { return w.task_; }
  static std::uint32_t& timer_slot(Waiter& w) { return w.timer_slot_; }
  static WaitFor what(const Waiter& w) { return w.what_; }
  static const std::atomic<std::uint64_t>* lock_holder(Waiter& w) { return w.lock_holder_; }
  static bool claim(Waiter& w, std::uint32_t outcome) { return w.claim(outcome); }
  static Wake outcome(std::uint32_t state);
  // Ends the wait, kCancelled, if nothing else has. REQUIRES as Waiter::notify().
  static void interrupt(Waiter& w);
};

// The calling task: the fiber, the native task, or a stand-in for a plain thread.
TaskState& current_task();
void destroy_locals(TaskState& task);
// While one lives the calling task, a pool's thread, is in the scope of `caller` and has what its
// children would inherit. REQUIRES: `caller` waits meanwhile.
class InTheNameOf {
 public:
  explicit InTheNameOf(const TaskState& caller) { current_task().inherit_from(caller); }
  ~InTheNameOf() {
    current_task().enter_scope(nullptr);
    current_task().inherited = nullptr;
  }
  InTheNameOf(const InTheNameOf&) = delete;
  InTheNameOf& operator=(const InTheNameOf&) = delete;
};
// For the threads of a native pool.
void set_current_thread_task(TaskState* task);
// `here`: the calling thread's carrier, which has ids in store, or null.
std::uint64_t next_task_id(Carrier* here = nullptr);

}  // namespace saola::runtime::detail
