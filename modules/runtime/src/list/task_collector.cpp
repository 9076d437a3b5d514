#include "list/task_collector.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <fstream>

#include <fmt/core.h>

#include <saola/runtime/socket.hpp>

#include "list/thread_list.hpp"
#include "monitor/memory_copy.hpp"
#include "monitor/rescue.hpp"
#include "monitor/thread_probe.hpp"
#include "runtime_impl.hpp"

namespace saola::runtime {

namespace detail {
namespace {

Duration between(SteadyTime since, SteadyTime now) {
  return std::max<Duration>(now - since, Duration::zero());
}

// "1.2.3.4:80", the peer or, of a listener, the descriptor's own; empty when it is no socket.
std::string address_of(int fd) {
  SocketAddress address;
  address.length = sizeof address.storage;
  auto* where = reinterpret_cast<sockaddr*>(&address.storage);
  if (::getpeername(fd, where, &address.length) == 0) return address.to_string();
  address.length = sizeof address.storage;
  return ::getsockname(fd, where, &address.length) == 0 ? address.to_string() : std::string();
}

std::string in_words(const WaitFor& wait, std::uint64_t holder) {
  const std::string_view kind = to_string(wait.kind);
  switch (wait.kind) {
    case WaitKind::kSleep:
    case WaitKind::kOffloadCpu:
    case WaitKind::kOffloadBlocking:
      return std::string(kind);
    case WaitKind::kTask:
    case WaitKind::kProcess:
      return fmt::format("{} {}", kind, wait.id);
    case WaitKind::kSelect:
      return fmt::format("select of {}", wait.id);
    case WaitKind::kReadable:
    case WaitKind::kWritable: {
      const std::string address = address_of(static_cast<int>(wait.id));
      return fmt::format("{} of fd {}{}{}", kind, wait.id, address.empty() ? "" : " ", address);
    }
    default:
      break;
  }
  const std::string held = holder != 0 ? fmt::format(" held by task {}", holder) : "";
  return wait.id != 0 ? fmt::format("{} {:#x}{}", kind, wait.id, held) : std::string(kind);
}

// The task that has the lock which `task` waits for. The lock may go away meanwhile, so it is read
// as memory that may not be there; if the wait is the same afterwards, it was.
std::uint64_t holder_of(const TaskState& task, const WaitRecord::Seen& wait) {
  if (wait.what.kind != WaitKind::kMutex && wait.what.kind != WaitKind::kSharedMutex) return 0;
  std::uint64_t holder = 0;
  if (copy_memory(wait.what.id, std::as_writable_bytes(std::span(&holder, 1))) != sizeof holder) {
    return 0;
  }
  return task.wait.still(wait.mark) ? holder : 0;
}

// A thread that is not in a call of the runtime: does it run, or wait in the kernel?
RunState running_or_blocked(pid_t tid) {
  const char state = ThreadProbe::state(tid);
  return state == 'S' || state == 'D' ? RunState::kBlocked : RunState::kRunning;
}

void note_wait(TaskInfo& info, const WaitRecord::Seen& wait, SteadyTime now) {
  info.wait = wait.what;
  info.in_state = between(wait.since(), now);
}

// What the thread that works for it has used since.
Duration live_cpu(const ThreadRecord::Seen& run) {
  if (run.tid == 0) return {};
  return std::max(ThreadProbe::cpu_time(run.tid) - run.cpu_before, Duration::zero());
}

// What both models have.
TaskInfo begin_with(const TaskState& task, SteadyTime now) {
  TaskInfo info;
  info.id = task.id.load(std::memory_order_relaxed);
  info.age = between(SteadyTime(Duration(task.born_ns.load(std::memory_order_relaxed))), now);
  info.cpu = Duration(task.cpu_ns.load(std::memory_order_relaxed));
  return info;
}

void note_deadline(TaskInfo& info, const TaskState& task,
                   const std::optional<WaitRecord::Seen>& wait) {
  Deadline deadline =
      Deadline::at(SteadyTime(Duration(task.scope_deadline_ns.load(std::memory_order_relaxed))));
  if (wait) deadline = min(deadline, wait->until);
  if (!deadline.is_never()) info.until_deadline = deadline.time() - steady_now();
}

void note_texts(TaskInfo& info, const TaskState& task) {
  info.name = task.name.get();
  info.activity = task.activity.get();
  info.cancel_requested = task.cancel_requested.load(std::memory_order_relaxed);
  info.locks_held = task.locks_held.load(std::memory_order_relaxed);
}

std::string thread_name(pid_t tid) {
  std::string name;
  std::getline(std::ifstream(fmt::format("/proc/self/task/{}/comm", tid)), name);
  return name;
}

}  // namespace

TaskCollector::TaskCollector(const TaskQuery& query) : query_(query) {}

// ---- Fibers.

TaskInfo TaskCollector::look_at(const Fiber& fiber) const {
  TaskInfo info = begin_with(fiber, now_);
  const Loop& loop = fiber.loop;
  // First the wait: one that begins after this look is one of a task that ran.
  const auto wait = fiber.wait.look();
  const ThreadRecord::Seen run = fiber.runs_on.look();
  info.place = fiber.place.load(std::memory_order_relaxed) == Place::kSide ? TaskPlace::kSide
                                                                           : TaskPlace::kLoop;
  info.cpu += live_cpu(run);
  info.thread = run.tid;
  note_deadline(info, fiber, wait);
  if (wait) {
    note_wait(info, *wait, now_);
    const bool offloads =
        wait->what.kind == WaitKind::kOffloadCpu || wait->what.kind == WaitKind::kOffloadBlocking;
    info.state = !offloads      ? RunState::kParked
                 : run.tid != 0 ? RunState::kOffloaded
                                : RunState::kQueued;
  } else if (run.tid != 0) {
    // One that has just lost the loop, too.
    info.place = TaskPlace::kSide;
    info.state = running_or_blocked(run.tid);
    info.in_state = between(run.since, now_);
  } else if (loop.running_fiber() == &fiber) {
    info.thread = loop.carrier_tid();
    info.state = running_or_blocked(info.thread);
    if (const auto since =
            loop.host.monitor.slice_since(loop.switches.load(std::memory_order_relaxed))) {
      info.in_state = between(*since, now_);
    }
  } else {
    info.state = info.place == TaskPlace::kSide ? RunState::kQueued : RunState::kReady;
  }
  return info;
}

// What takes longer: for those that are shown.
void TaskCollector::describe(Glance& glance) {
  TaskInfo& info = glance.info;
  const Fiber& fiber = *glance.fiber;
  note_texts(info, fiber);
  info.kind = kind_text(fiber);
  info.priority = fiber.priority.load(std::memory_order_relaxed);
  info.exiled = !fiber.loop.exiles.quiet() && fiber.loop.exiles.holds(fiber);
  if (!info.wait) return;
  const auto wait = fiber.wait.look();
  info.holder = wait && wait->what.id == info.wait->id ? holder_of(fiber, *wait) : 0;
  info.wait_text = in_words(*info.wait, info.holder);
}

void TaskCollector::add_fibers_of(Runtime::Impl& runtime) {
  runtime.loop.for_each_fiber([&](const Fiber& fiber) {
    const std::uint64_t id = fiber.listed.load(std::memory_order_acquire);
    if (id == 0) return;
    Glance glance{.info = look_at(fiber), .fiber = &fiber};
    if (!query_.name.empty()) {
      note_texts(glance.info, fiber);
      glance.info.kind = kind_text(fiber);
    }
    // The next task in its place?
    if (fiber.listed.load(std::memory_order_acquire) != id) return;
    glance.info.id = id;
    add(std::move(glance));
  });
}

// ---- Native tasks and threads.

TaskInfo TaskCollector::look_at(const BlockingTask& task) const {
  TaskInfo info = begin_with(task, now_);
  info.fiber = false;
  info.place = TaskPlace::kThread;
  const auto wait = task.wait.look();
  const ThreadRecord::Seen run = task.runs_on.look();
  info.cpu += live_cpu(run);
  info.thread = run.tid;
  note_deadline(info, task, wait);
  note_texts(info, task);
  if (wait) {
    info.state = RunState::kParked;
    note_wait(info, *wait, now_);
    info.holder = holder_of(task, *wait);
    info.wait_text = in_words(*info.wait, info.holder);
  } else if (run.tid == 0) {
    info.state = RunState::kQueued;
    info.in_state = info.age;
  } else {
    info.state = RunState::kRunning;  // or blocked: asked later, with no lock held
    if (task.kind == TaskKind::kNative) info.in_state = between(run.since, now_);
  }
  return info;
}

void TaskCollector::add_natives(std::vector<TaskInfo> natives) {
  for (TaskInfo& info : natives) {
    if (info.state == RunState::kRunning) info.state = running_or_blocked(info.thread);
    if (info.name == kUnnamedThread) info.name = thread_name(info.thread);
    add({.info = std::move(info)});
  }
}

void TaskCollector::add_natives_of(Runtime::Impl& runtime) {
  std::vector<TaskInfo> natives;
  {
    std::lock_guard lock(runtime.natives_mutex);
    for (const NativeTask* task : runtime.natives) natives.push_back(look_at(*task));
  }
  add_natives(std::move(natives));
}

void TaskCollector::add_threads() {
  std::vector<TaskInfo> natives;
  thread_list().for_each([&](const BlockingTask& task) { natives.push_back(look_at(task)); });
  add_natives(std::move(natives));
}

// ---- What is kept.

bool TaskCollector::matches(const TaskInfo& info) const {
  if (query_.state && *query_.state != info.state) return false;
  if (query_.longer_than > Duration::zero() &&
      info.in_state.value_or(Duration::zero()) < query_.longer_than) {
    return false;
  }
  return query_.name.empty() || info.name.find(query_.name) != std::string::npos ||
         info.activity.find(query_.name) != std::string::npos ||
         info.kind.find(query_.name) != std::string::npos;
}

bool TaskCollector::goes_before(const Glance& a, const Glance& b) const {
  const auto key = [&](const Glance& glance) {
    switch (query_.order) {
      case TaskQuery::Order::kInState:
        return glance.info.in_state.value_or(Duration::zero());
      case TaskQuery::Order::kCpu:
        return glance.info.cpu;
      case TaskQuery::Order::kAge:
        return glance.info.age;
    }
    return Duration::zero();
  };
  const Duration of_a = key(a);
  const Duration of_b = key(b);
  return of_a != of_b ? of_a > of_b : a.info.id < b.info.id;
}

void TaskCollector::add(Glance glance) {
  ++list_.total;
  ++list_.by_state[static_cast<std::size_t>(glance.info.state)];
  if (!matches(glance.info)) return;
  ++list_.matching;
  const auto before = [this](const Glance& a, const Glance& b) { return goes_before(a, b); };
  if (kept_.size() == query_.limit) {
    if (kept_.empty() || !before(glance, kept_.front())) return;
    std::ranges::pop_heap(kept_, before);
    kept_.pop_back();
  }
  kept_.push_back(std::move(glance));
  std::ranges::push_heap(kept_, before);
}

TaskList TaskCollector::finish() {
  std::ranges::sort(kept_, [this](const Glance& a, const Glance& b) { return goes_before(a, b); });
  for (Glance& glance : kept_) {
    if (glance.fiber != nullptr) {
      describe(glance);
      if (glance.fiber->listed.load(std::memory_order_acquire) != glance.info.id) continue;
    }
    list_.tasks.push_back(std::move(glance.info));
  }
  return std::move(list_);
}

}  // namespace detail

TaskList Runtime::tasks(const TaskQuery& query) const {
  detail::TaskCollector collector(query);
  collector.add_fibers_of(*impl_);
  collector.add_natives_of(*impl_);
  if (query.threads) collector.add_threads();
  return collector.finish();
}

TaskList thread_tasks(const TaskQuery& query) {
  detail::TaskCollector collector(query);
  collector.add_threads();
  return collector.finish();
}

}  // namespace saola::runtime
