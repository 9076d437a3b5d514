#include "monitor/capture.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "futex.hpp"
#include "loop/carrier.hpp"
#include "loop/fiber.hpp"
#include "monitor/stack_walk.hpp"
#include "monitor/thread_probe.hpp"

namespace saola::runtime::detail {
namespace {

struct Request {
  pid_t tid = 0;
  std::uint64_t run_word = 0;
  std::size_t count = 0;
  std::uintptr_t frames[kMostFrames];
};
// A single request, reused: a handler that comes late finds another number and does nothing.
Request request;
// Even: free or abandoned. Odd: asked. The handler moves odd → odd + 1 after filling `request`;
// both sides CAS, so either the asker reads a complete answer or the handler's is thrown away.
std::atomic<std::uint32_t> ticket{0};
// A handler is between reading the ticket and answering.
std::atomic<std::uint32_t> in_handler{0};

int capture_signal() {
  return SIGRTMIN + 5;
}

void on_capture(int, siginfo_t*, void* raw) {
  const int saved_errno = errno;
  in_handler.fetch_add(1);
  const std::uint32_t asked = ticket.load();
  if (asked % 2 == 1 && request.tid == ::gettid()) {
    const Carrier* carrier = current_carrier();
    request.count = 0;
    if (carrier != nullptr && carrier->fiber != nullptr && !carrier->in_runtime &&
        carrier->run_word == request.run_word) {
      const auto& registers = static_cast<ucontext_t*>(raw)->uc_mcontext;
#if defined(__x86_64__)
      const auto pc = static_cast<std::uintptr_t>(registers.gregs[REG_RIP]);
      const auto sp = static_cast<std::uintptr_t>(registers.gregs[REG_RSP]);
      const auto frame = static_cast<std::uintptr_t>(registers.gregs[REG_RBP]);
#elif defined(__aarch64__)
      const auto pc = static_cast<std::uintptr_t>(registers.pc);
      const auto sp = static_cast<std::uintptr_t>(registers.sp);
      const auto frame = static_cast<std::uintptr_t>(registers.regs[29]);
#endif
      const Stack& stack = carrier->fiber->stack;
      request.count = walk_stack(pc, sp, frame, reinterpret_cast<std::uintptr_t>(stack.bottom),
                                 reinterpret_cast<std::uintptr_t>(stack.top()), request.frames);
    }
    std::uint32_t expected = asked;
    ticket.compare_exchange_strong(expected, asked + 1);
    futex_wake(ticket);
  }
  in_handler.fetch_sub(1);
  errno = saved_errno;
}

}  // namespace

void prepare_capture() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action{};
    action.sa_sigaction = on_capture;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    ::sigaction(capture_signal(), &action, nullptr);
  });
  note_code_ranges();
}

std::vector<std::uintptr_t> capture_running(pid_t tid, std::uint64_t run_word, Duration patience) {
  static std::mutex one_at_a_time;
  std::lock_guard lock(one_at_a_time);
  // A handler of an abandoned request may still be writing: let it finish, or give up.
  // Its thread may have no CPU, so the wait is part of the patience.
  const Deadline deadline = Deadline::after(patience);
  while (in_handler.load() != 0) {
    if (deadline.passed()) return {};
    ::usleep(10);
  }
  request.tid = tid;
  request.run_word = run_word;
  const std::uint32_t asked = ticket.load() | 1;
  ticket.store(asked);
  if (::syscall(SYS_tgkill, ::getpid(), tid, capture_signal()) != 0) {
    ticket.store(asked + 1);
    return {};
  }
  while (ticket.load() == asked && !deadline.passed()) futex_wait(ticket, asked, deadline);
  std::uint32_t expected = asked;
  if (ticket.compare_exchange_strong(expected, asked + 1)) return {};  // no answer
  return {request.frames, request.frames + request.count};
}

std::vector<std::uintptr_t> capture_waiting(pid_t tid, std::uintptr_t bottom, std::uintptr_t top) {
  std::uintptr_t pc = 0;
  std::uintptr_t sp = 0;
  if (!ThreadProbe::waiting_at(tid, pc, sp)) return {};
  std::uintptr_t frames[kMostFrames];
  return {frames, frames + walk_stack(pc, sp, 0, bottom, top, frames)};
}

}  // namespace saola::runtime::detail
