#include "loop/overflow_guard.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <mutex>

#include "loop/fiber.hpp"

namespace saola::runtime::detail {
namespace {

constexpr std::size_t kSignalStack = 64 * 1024;

struct sigaction previous_action;

void put(const char* text, std::size_t length) {
  [[maybe_unused]] ssize_t n = ::write(STDERR_FILENO, text, length);
}

void on_segv(int signal, siginfo_t* info, void* context) {
  if (Carrier* carrier = current_carrier(); carrier != nullptr && carrier->fiber != nullptr) {
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    const Stack& stack = carrier->fiber->stack;
    const auto bottom = reinterpret_cast<std::uintptr_t>(stack.bottom);
    if (address < bottom && address >= bottom - stack.guard) {
      const auto say = [](const char* text) { put(text, std::strlen(text)); };
      say("saola: a fiber overflowed its stack; raise RuntimeOptions::stack_bytes or keep large "
          "arrays off the stack. Fiber: ");
      char name[48];
      std::size_t n = 0;
      carrier->fiber->name.copy_to(name, n);
      put(name, n);
      say("\n");
    }
  }
  if ((previous_action.sa_flags & SA_SIGINFO) != 0 && previous_action.sa_sigaction != nullptr) {
    previous_action.sa_sigaction(signal, info, context);
    return;
  }
  // Let the fault happen again with the action that was there before us (usually: a core dump).
  ::sigaction(signal, &previous_action, nullptr);
  // One that a process sent does not happen again by itself.
  if (info->si_code <= 0) ::raise(signal);
}

}  // namespace

OverflowGuard::OverflowGuard() : stack_(std::make_unique_for_overwrite<std::byte[]>(kSignalStack)) {
  stack_t stack{.ss_sp = stack_.get(), .ss_flags = 0, .ss_size = kSignalStack};
  ::sigaltstack(&stack, nullptr);
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action{};
    action.sa_sigaction = on_segv;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaction(SIGSEGV, &action, &previous_action);
  });
}

OverflowGuard::~OverflowGuard() {
  stack_t off{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
  ::sigaltstack(&off, nullptr);
}

}  // namespace saola::runtime::detail
