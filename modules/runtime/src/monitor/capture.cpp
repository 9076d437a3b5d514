#include "monitor/capture.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

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
// A question is open.
std::atomic<bool> taken{false};
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

bool StackQuestion::ask(pid_t tid, std::uint64_t run_word) {
  // A handler of an abandoned question may still be writing.
  if (taken.exchange(true)) return false;
  if (in_handler.load() != 0) {
    taken.store(false);
    return false;
  }
  request.tid = tid;
  request.run_word = run_word;
  ticket_ = ticket.load() | 1;
  ticket.store(ticket_);
  open_ = true;
  if (::syscall(SYS_tgkill, ::getpid(), tid, capture_signal()) == 0) return true;
  withdraw();
  return false;
}

bool StackQuestion::answered(std::vector<std::uintptr_t>& frames) {
  if (!open_ || ticket.load() == ticket_) return false;
  frames.assign(request.frames, request.frames + request.count);
  open_ = false;
  taken.store(false);
  return true;
}

void StackQuestion::withdraw() {
  if (!open_) return;
  std::uint32_t expected = ticket_;
  ticket.compare_exchange_strong(expected, ticket_ + 1);
  open_ = false;
  taken.store(false);
}

std::vector<std::uintptr_t> capture_running(pid_t tid, std::uint64_t run_word, Duration patience) {
  const Deadline deadline = Deadline::after(patience);
  std::vector<std::uintptr_t> frames;
  StackQuestion question;
  while (!question.ask(tid, run_word)) {
    if (deadline.passed()) return {};
    ::usleep(10);
  }
  while (question.open() && !question.answered(frames) && !deadline.passed()) ::usleep(20);
  return frames;
}

std::vector<std::uintptr_t> capture_waiting(pid_t tid, std::uintptr_t bottom, std::uintptr_t top) {
  std::uintptr_t pc = 0;
  std::uintptr_t sp = 0;
  if (!ThreadProbe::waiting_at(tid, pc, sp)) return {};
  std::uintptr_t frames[kMostFrames];
  return {frames, frames + walk_stack(pc, sp, 0, bottom, top, frames)};
}

}  // namespace saola::runtime::detail
