#include "monitor/capture.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "loop/carrier.hpp"
#include "loop/fiber.hpp"
#include "monitor/memory_copy.hpp"
#include "monitor/stack_walk.hpp"
#include "monitor/thread_probe.hpp"

namespace saola::runtime::detail {
namespace {

struct Request {
  CaptureTarget target;
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
  if (asked % 2 == 1 && request.target.tid == ::gettid()) {
    request.count = 0;
    std::uintptr_t bottom = request.target.bottom;
    std::uintptr_t top = request.target.top;
    if (request.target.run_word != 0) {
      const Carrier* carrier = current_carrier();
      if (carrier != nullptr && carrier->fiber != nullptr && !carrier->in_runtime &&
          carrier->run_word == request.target.run_word) {
        bottom = reinterpret_cast<std::uintptr_t>(carrier->fiber->stack.bottom);
        top = reinterpret_cast<std::uintptr_t>(carrier->fiber->stack.top());
      }
    }
    if (top != 0) {
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
      request.count = walk_stack(pc, sp, frame, bottom, top, request.frames);
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

bool StackQuestion::ask(const CaptureTarget& target) {
  // A handler of an abandoned question may still be writing.
  if (taken.exchange(true)) return false;
  if (in_handler.load() != 0) {
    taken.store(false);
    return false;
  }
  request.target = target;
  ticket_ = ticket.load() | 1;
  ticket.store(ticket_);
  open_ = true;
  if (::syscall(SYS_tgkill, ::getpid(), target.tid, capture_signal()) == 0) return true;
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

std::vector<std::uintptr_t> capture_running(const CaptureTarget& target, Duration patience) {
  const auto passed = [until = real_clock().steady_now() + patience] {
    return real_clock().steady_now() >= until;
  };
  std::vector<std::uintptr_t> frames;
  StackQuestion question;
  while (!question.ask(target)) {
    if (passed()) return {};
    ::usleep(10);
  }
  while (question.open() && !question.answered(frames) && !passed()) ::usleep(20);
  return frames;
}

std::vector<std::uintptr_t> capture_waiting(pid_t tid, std::uintptr_t bottom, std::uintptr_t top) {
  std::uintptr_t pc = 0;
  std::uintptr_t sp = 0;
  if (!ThreadProbe::waiting_at(tid, pc, sp)) return {};
  if (sp < bottom || sp >= top) return {};
  return capture_parked(pc, sp, 0, top);
}

std::vector<std::uintptr_t> capture_parked(std::uintptr_t pc, std::uintptr_t sp,
                                           std::uintptr_t frame, std::uintptr_t top) {
  constexpr std::uintptr_t kMostBytes = 64 * 1024;
  std::vector<std::byte> copy(std::min(top - sp, kMostBytes));
  const std::size_t copied = copy_memory(sp, copy);
  std::uintptr_t frames[kMostFrames];
  return {frames, frames + walk_stack(pc, sp, frame, sp, sp + copied, frames,
                                      reinterpret_cast<std::uintptr_t>(copy.data()) - sp)};
}

}  // namespace saola::runtime::detail
