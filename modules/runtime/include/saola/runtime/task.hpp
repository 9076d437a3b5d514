// Tasks: the unit of concurrency. On a fiber, spawn() starts another fiber of the same event loop;
// on a plain thread it starts a native thread. Everything below works the same in both.
//
//   Task download = spawn([&] { page = get(url); }, {.name = "download"});
//   …                                  // meanwhile
//   if (!download.join(Deadline::after(5s))) download.cancel();
//                                      // dropping the handle joins it: `page` is safe from here
//
// Cancelling is cooperative: a cancelled task's current or next suspending call throws Cancelled
// (or returns kCancelled, where it returns a Result); code that computes asks
// this_task::cancel_requested().
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>

namespace saola::runtime {

namespace detail {
struct TaskState;
class TaskBranch;
}  // namespace detail

// Thrown out of a suspending call of a task that was cancelled. Let it pass: it unwinds the task
// and ends it; join() of that task then throws it on. It is not a std::exception, so that `catch
// (std::exception&)` in user code does not stop it. A `catch (...)` must rethrow it.
class Cancelled {};

// What to do about a fiber that holds the event loop while others wait.
enum class StallPolicy : std::uint8_t {
  kRescue,  // hand the loop to a spare thread; the fiber runs on where it is, then on side carriers
  kReport,  // say so, change nothing
  kIgnore,  // not even say so: the freeze of a plain cooperative runtime, for demonstration
  kAbort,   // end the process, so that its parent starts a new one
};

// Where a task's slices run.
enum class Placement : std::uint8_t {
  kLearned,  // a fiber, on the loop; on a side carrier while its kind is exiled for having hogged
  kFiber,    // the same, but its kind is never exiled, only the one fiber that has hogged
  kNative,   // a native thread of its own
};

// Which of the ready fibers runs next: of the highest class there is, in turn. A lower class gets
// every eighth turn at least (the lowest, beside both others, every 64th), so that none starves. It
// says nothing about threads: a native task's priority is the process's.
enum class Priority : std::uint8_t {
  kHigh,  // short and urgent: heartbeats, tickers, health checks
  kNormal,
  kLow,  // whatever may wait
};

// What is known of a task besides its body. All may be left out:
//
//   spawn(refresh, {.name = "refresh", .priority = Priority::kLow}).detach();
struct SpawnOptions {
  // For reports, lists and stacks. Copied (the first 47 bytes).
  std::string_view name = {};
  // What placement is learned for; empty: the place in the source that called spawn().
  std::string_view kind = {};
  Placement placement = Placement::kLearned;
  Priority priority = Priority::kNormal;
};

// A handle to a spawned task; move-only. join() or detach() it: the destructor of a handle that
// still owns a task cancels and joins it (as std::jthread), which SUSPENDS and drops what the task
// threw. One task at a time may wait for it. Of every member but the test for emptiness REQUIRES:
// not empty.
class Task {
 public:
  Task() = default;
  Task(Task&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Task& operator=(Task&& other) noexcept;
  ~Task();

  explicit operator bool() const { return state_ != nullptr; }

  // Waits for the task's end; then throws what the task threw (Cancelled included), once. The
  // handle is empty afterwards. SUSPENDS. If the caller is cancelled it throws Cancelled and keeps
  // the task.
  void join();
  // As join(), but gives up at the deadline: false, and the task goes on.
  bool join(Deadline deadline);
  // Asks the task to stop: its current or next suspending call ends early. Idempotent, any thread.
  void cancel();
  // Whether it has ended. Never suspends.
  bool done() const;
  // Lets it run on its own; the handle is empty then. An exception of a detached task is logged,
  // unless it was cancelled.
  void detach();
  // A number that no other task of the process has or had. Never 0.
  std::uint64_t id() const;

 private:
  friend Task spawn(std::move_only_function<void()>, SpawnOptions, std::source_location);
  friend class Runtime;
  friend class detail::TaskBranch;
  explicit Task(detail::TaskState* state) : state_(state) {}
  detail::TaskState* state_ = nullptr;
};

// Starts `body` as a task, in the caller's Scope and with its InheritedLocals. Does not suspend:
// the new fiber runs when the caller next suspends. What `body` refers to must outlive the task, so
// join it before that goes away. Throws std::bad_alloc when there is no memory for a stack,
// std::system_error when no thread.
Task spawn(std::move_only_function<void()> body, SpawnOptions options = {},
           std::source_location site = std::source_location::current());

// The calling task, fiber or thread.
namespace this_task {

// Lets every other ready fiber run once (on a thread: sched_yield), for code that computes in small
// steps. SUSPENDS; throws Cancelled.
//
//   for (Row& row : rows) {
//     update(row);
//     if (++done % 1000 == 0) this_task::yield();
//   }
void yield();
// Returns at the deadline or a little later, never before. SUSPENDS; throws Cancelled.
void sleep_until(Deadline deadline);
void sleep_for(Duration duration);
// True on a fiber, false on a plain or native thread; a rescued fiber still says true.
bool on_fiber();
// Whether somebody has called cancel(), or a Scope that the task is in has ended. True inside an
// Uncancellable too. For code that computes; never suspends.
bool cancel_requested();
// Throws Cancelled (ScopeEnded) if so.
void check_cancelled();
// For primitives, after a wait that ended with Wake::kCancelled: throws Cancelled, or ScopeEnded
// when it was a Scope that ended.
[[noreturn]] void throw_cancelled();
// The same as an error: kCancelled, or kTimedOut for a Scope's deadline. `doing` follows it in the
// text: "while waiting on a queue".
Error cancelled_error(std::string_view doing);
// The calling task's Task::id(); a plain thread has one too.
std::uint64_t id();
// SpawnOptions::name.
std::string name();
// Names what the task works on now ("GET /split", "job 0192…"), for stall reports and lists of
// tasks. Copied (the first 95 bytes).
void set_activity(std::string_view activity);
// Overrides the runtime's policy and threshold for this task; zero keeps the threshold.
//
//   this_task::set_stall_policy(StallPolicy::kReport, 50ms);     // known to be slow
void set_stall_policy(StallPolicy policy, Duration threshold = Duration::zero());
// Gives the memory of the unused part of the fiber's stack back to the system: for a fiber about to
// wait long. Costs one system call; nothing on a thread.
void trim_stack();

// While one lives, suspending calls of this task do not throw Cancelled nor report kCancelled; the
// cancel is kept for later. For clean-up that must complete; nests. Keep it short: nobody can stop
// the task meanwhile.
//
//   const this_task::Uncancellable guard;
//   connection.say_goodbye(Deadline::after(1s));
class Uncancellable {
 public:
  Uncancellable();
  ~Uncancellable();
  Uncancellable(const Uncancellable&) = delete;
  Uncancellable& operator=(const Uncancellable&) = delete;
};

}  // namespace this_task

}  // namespace saola::runtime
