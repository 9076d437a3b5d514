// The list of tasks: who is there, what each does, and for how long.
//
//   TaskList list = runtime.tasks({.longer_than = 1s});
//   for (const TaskInfo& task : list.tasks) print(describe(task));
//
// It is always there: tasks note what they wait for as they begin to wait, for two stores. It can be
// asked for while the loop is hung, from any plain thread, and stops nobody.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/observe/stall_report.hpp>
#include <saola/runtime/task.hpp>
#include <saola/runtime/wait_kind.hpp>

namespace saola::runtime {

// What a task does at one moment.
enum class RunState : std::uint8_t {
  kReady,      // may run, and waits for its turn on the loop
  kRunning,    // its thread runs, or could
  kBlocked,    // runs, but its thread waits in the kernel, in a call that the runtime does not know
  kParked,     // waits in a call of the runtime
  kOffloaded,  // waits while a pool's thread works for it
  kQueued,     // waits for a thread: a side carrier, or one of a pool
};
inline constexpr std::size_t kRunStates = 6;
// "ready", "running", …
std::string_view to_string(RunState state);
// The other way; nullopt for any other word.
std::optional<RunState> run_state_from(std::string_view text);

// What runs a task's slices.
enum class TaskPlace : std::uint8_t {
  kLoop,    // the event loop
  kSide,    // a side carrier
  kThread,  // a thread of its own: a native task, or a plain thread that has called the runtime
};
// "loop", "side", "thread".
std::string_view to_string(TaskPlace place);

// One task at one moment. Its members were read one after the other while it went on: each is true,
// but not necessarily all at once.
struct TaskInfo {
  std::uint64_t id = 0;
  std::string name;
  std::string activity;  // this_task::set_activity()
  std::string kind;      // SpawnOptions::kind, or the place in the source that spawned it; fibers
  bool fiber = true;     // false: native
  TaskPlace place = TaskPlace::kLoop;
  bool exiled = false;  // it, or its kind, has hogged the loop and runs on side carriers
  Priority priority = Priority::kNormal;
  RunState state = RunState::kReady;
  // For how long it has been in this state, where that is known. A ready fiber's is not. In real
  // time, whatever clock the process sleeps by.
  std::optional<Duration> in_state;
  // What it waits for; of tasks that are parked, offloaded or queued for a pool.
  std::optional<WaitFor> wait;
  std::string wait_text;  // the same in words: "mutex 0x7f… held by task 7 writer", "read of fd 9"
  std::uint64_t holder = 0;  // the task that has the lock that is waited for, 0: none, or not known
  // Of the wait, or of the scopes that it is in, whichever is earlier; negative when passed.
  std::optional<Duration> until_deadline;
  bool cancel_requested = false;
  std::uint32_t locks_held = 0;
  // What the task has used. On the loop it is sampled by the monitor, every few milliseconds: exact
  // for long slices, right on average for short ones. Elsewhere it is the threads' own count.
  Duration cpu{};
  Duration age{};    // since it was spawned
  pid_t thread = 0;  // that runs it, 0: none
};

// Which tasks to list, and in which order.
//
//   runtime.tasks({.state = RunState::kParked, .name = "GET /report", .limit = 20});
struct TaskQuery {
  std::optional<RunState> state = {};
  // Part of the name, the activity or the kind. Empty: any.
  std::string name = {};
  // In its state for this long at least. A task whose time is not known is left out unless zero.
  Duration longer_than = Duration::zero();
  enum class Order : std::uint8_t { kInState, kCpu, kAge };  // the largest first
  Order order = Order::kInState;
  // So many of those that match are described.
  std::size_t limit = 1000;
  // Also native tasks and plain threads that belong to no Runtime; see thread_tasks().
  bool threads = false;
};

// The answer to a TaskQuery.
struct TaskList {
  std::vector<TaskInfo> tasks;                       // in the order asked for
  std::uint64_t matching = 0;                        // those beyond the limit included
  std::uint64_t total = 0;                           // that there are
  std::array<std::uint64_t, kRunStates> by_state{};  // of all, by RunState
};

// Native tasks that were spawned outside of any Runtime, and plain threads that have called the
// runtime (to wait, or to ask who they are), of this process. Any thread.
//
//   for (const TaskInfo& task : thread_tasks().tasks) show(task.name, to_string(task.state));
TaskList thread_tasks(const TaskQuery& query = {});
// The stack of one of those; as Runtime::task_stack().
Result<std::vector<observe::StackFrame>> thread_task_stack(std::uint64_t id);

}  // namespace saola::runtime
