// The stack of a running thread, taken by a signal to it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include <saola/base/time.hpp>

namespace saola::runtime::detail {

// A thread that runs, and what of it is asked for.
struct CaptureTarget {
  pid_t tid = 0;
  // Names the run of a fiber: the stack is that fiber's, and there is none when the thread no longer
  // runs it. 0: the thread's own stack, whose bounds follow.
  std::uint64_t run_word = 0;
  std::uintptr_t bottom = 0;
  std::uintptr_t top = 0;
};

// Installs the handler, once per process.
void prepare_capture();
// A question for the stack of a running thread. One is open in a process at a time.
class StackQuestion {
 public:
  ~StackQuestion() { withdraw(); }
  // False when another question is open, or the thread is gone.
  bool ask(const CaptureTarget& target);
  bool open() const { return open_; }
  // Has it answered? Then the question is closed, and `frames` filled: empty when the thread no
  // longer ran that fiber.
  bool answered(std::vector<std::uintptr_t>& frames);
  // Closes it without an answer.
  void withdraw();

 private:
  bool open_ = false;
  std::uint32_t ticket_ = 0;
};

// Asks, and waits for the answer for so long; empty without one.
std::vector<std::uintptr_t> capture_running(const CaptureTarget& target, Duration patience);
// The stack of a thread that waits in a system call: read from outside, for a signal would end the
// call early.
std::vector<std::uintptr_t> capture_waiting(pid_t tid, std::uintptr_t bottom, std::uintptr_t top);
// A stack on which nobody is: from its saved registers, by a copy, as it may come to life meanwhile.
std::vector<std::uintptr_t> capture_parked(std::uintptr_t pc, std::uintptr_t sp,
                                           std::uintptr_t frame, std::uintptr_t top);

}  // namespace saola::runtime::detail
