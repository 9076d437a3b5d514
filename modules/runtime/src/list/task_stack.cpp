// The stack of one task, wherever it is.
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

#include <saola/runtime/symbolise.hpp>

#include "list/thread_list.hpp"
#include "monitor/capture.hpp"
#include "monitor/memory_copy.hpp"
#include "monitor/thread_probe.hpp"
#include "runtime_impl.hpp"

namespace saola::runtime {
namespace detail {
namespace {

using Addresses = std::vector<std::uintptr_t>;

// How long a task that runs may take to be found holding still, and one signal to be answered.
constexpr Duration kPatience = std::chrono::milliseconds(50);
constexpr Duration kAnswer = std::chrono::milliseconds(10);

Error no_such_task(std::uint64_t id) {
  return {ErrorCode::kNotFound, fmt::format("there is no task {}: it has ended", id)};
}

Error did_not_hold_still(std::uint64_t id) {
  return {ErrorCode::kUnavailable,
          fmt::format("task {} switched too fast for its stack to be taken; try again", id)};
}

Addresses stack_of_thread(const CaptureTarget& target) {
  if (ThreadProbe::state(target.tid) == 'R') return capture_running(target, kAnswer);
  return capture_waiting(target.tid, target.bottom, target.top);
}

Fiber* find_fiber(Loop& loop, std::uint64_t id) {
  Fiber* found = nullptr;
  loop.for_each_fiber([&](Fiber& fiber) {
    if (fiber.listed.load(std::memory_order_acquire) == id) found = &fiber;
  });
  return found;
}

// Where jump_fcontext() of Boost.Context leaves what the frame needs (see its sources).
#if defined(__x86_64__)
constexpr std::size_t kSavedFrame = 0x38;
constexpr std::size_t kSavedPc = 0x40;
#elif defined(__aarch64__)
constexpr std::size_t kSavedFrame = 0x90;
constexpr std::size_t kSavedPc = 0xa0;
#endif

// Its owner may resume it and write this at any time: who calls this makes sure afterwards that it
// was parked all the while.
[[gnu::no_sanitize("thread", "address")]] std::uintptr_t saved_stack(const Fiber& fiber) {
  return reinterpret_cast<std::uintptr_t>(*const_cast<void* const volatile*>(&fiber.context.stack));
}

Addresses stack_at_rest(const Fiber& fiber) {
  const std::uintptr_t sp = saved_stack(fiber);
  const auto bottom = reinterpret_cast<std::uintptr_t>(fiber.stack.bottom);
  const auto top = reinterpret_cast<std::uintptr_t>(fiber.stack.top());
  if (sp < bottom || sp + kSavedPc + sizeof(void*) > top) return {};
  std::uintptr_t frame = 0;
  std::uintptr_t pc = 0;
  copy_memory(sp + kSavedFrame, std::as_writable_bytes(std::span(&frame, 1)));
  copy_memory(sp + kSavedPc, std::as_writable_bytes(std::span(&pc, 1)));
  return capture_parked(pc, sp + kSavedPc + sizeof(void*), frame, top);
}

// One attempt; nullopt when it moved meanwhile.
std::optional<Addresses> look_at(const Fiber& fiber) {
  const Loop& loop = fiber.loop;
  const auto wait = fiber.wait.look();
  const ThreadRecord::Seen run = fiber.runs_on.look();
  const CaptureTarget of_fiber{.tid = run.tid,
                               .run_word = run.word,
                               .bottom = reinterpret_cast<std::uintptr_t>(fiber.stack.bottom),
                               .top = reinterpret_cast<std::uintptr_t>(fiber.stack.top())};
  Addresses stack;
  if (wait) {
    // A pool's thread that works for it calls on its behalf: what it does comes first.
    if (run.tid != 0 && run.word == 0) {
      stack = stack_of_thread({.tid = run.tid, .bottom = run.bottom, .top = run.top});
    }
    const Addresses own = stack_at_rest(fiber);
    stack.insert(stack.end(), own.begin(), own.end());
    return fiber.wait.still(wait->mark) ? std::optional(stack) : std::nullopt;
  }
  if (run.tid != 0) {
    stack = stack_of_thread(of_fiber);
    return stack.empty() ? std::nullopt : std::optional(stack);
  }
  const std::uint64_t word = loop.word();
  if (loop.running_fiber() == &fiber) {
    if (!is_running(word)) return std::nullopt;
    CaptureTarget on_loop = of_fiber;
    on_loop.tid = loop.carrier_tid();
    on_loop.run_word = word;
    stack = stack_of_thread(on_loop);
    return stack.empty() || loop.word() != word ? std::nullopt : std::optional(stack);
  }
  // It is ready, and nobody is on its stack, unless it was picked meanwhile.
  const std::uintptr_t sp = saved_stack(fiber);
  if (sp == 0) return Addresses{};
  stack = stack_at_rest(fiber);
  const bool rests = loop.running_fiber() != &fiber && fiber.runs_on.look().tid == 0 &&
                     !fiber.wait.look() && saved_stack(fiber) == sp;
  return rests ? std::optional(stack) : std::nullopt;
}

Result<Addresses> stack_of(const Fiber& fiber, std::uint64_t id) {
  const Deadline deadline = Deadline::at(std::chrono::steady_clock::now() + kPatience);
  do {
    const auto stack = look_at(fiber);
    if (fiber.listed.load(std::memory_order_acquire) != id) {
      return fail(no_such_task(id));
    }
    if (stack) return *stack;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  } while (std::chrono::steady_clock::now() < deadline.time());
  return fail(did_not_hold_still(id));
}

// Of a native task or a thread that was seen running so.
Result<Addresses> stack_of(const std::optional<ThreadRecord::Seen>& run, std::uint64_t id) {
  if (!run) return fail(no_such_task(id));
  if (run->tid == 0) return Addresses{};
  return stack_of_thread({.tid = run->tid, .bottom = run->bottom, .top = run->top});
}

Result<std::vector<observe::StackFrame>> with_names(const Result<Addresses>& stack) {
  if (!stack) return fail(stack);
  return symbolise(*stack);
}

}  // namespace
}  // namespace detail

Result<std::vector<observe::StackFrame>> Runtime::task_stack(std::uint64_t id) const {
  if (const detail::Fiber* fiber = detail::find_fiber(impl_->loop, id)) {
    return detail::with_names(detail::stack_of(*fiber, id));
  }
  std::optional<detail::ThreadRecord::Seen> run;
  {
    std::lock_guard lock(impl_->natives_mutex);
    for (const detail::NativeTask* task : impl_->natives) {
      if (task->id.load(std::memory_order_relaxed) == id) run = task->runs_on.look();
    }
  }
  return detail::with_names(detail::stack_of(run, id));
}

Result<std::vector<observe::StackFrame>> thread_task_stack(std::uint64_t id) {
  detail::prepare_capture();  // there may never have been a Runtime
  std::optional<detail::ThreadRecord::Seen> run;
  detail::thread_list().for_each([&](const detail::BlockingTask& task) {
    if (task.id.load(std::memory_order_relaxed) == id) run = task.runs_on.look();
  });
  return detail::with_names(detail::stack_of(run, id));
}

}  // namespace saola::runtime
