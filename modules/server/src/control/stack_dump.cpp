#include "control/stack_dump.hpp"

#include <execinfo.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/process_stat.hpp>
#include <saola/base/time.hpp>
#include <saola/runtime/symbolise.hpp>

namespace saola::server {
namespace {

namespace json = boost::json;

constexpr int kMostFrames = 64;
// One thread's answer is waited for this long; one that is stuck in the kernel has none.
constexpr Duration kAnswerTime = std::chrono::milliseconds(100);

int dump_signal() {
  return SIGRTMIN + 7;
}

// The interrupted thread's note to dump_stacks(). `asked` holds the thread whose turn it is; that
// thread fills frames and count, then sets `answered` (release; dump_stacks() acquires).
struct Note {
  std::atomic<pid_t> asked{0};
  std::atomic<bool> answered{false};
  std::array<void*, kMostFrames> frames{};
  int count = 0;
};
Note the_note;

pid_t thread_id() {
  return static_cast<pid_t>(::syscall(SYS_gettid));
}

void on_dump(int) {
  const int error = errno;
  pid_t self = thread_id();
  // Late or stray signals find another thread's turn, or nobody's.
  if (the_note.asked.compare_exchange_strong(self, 0, std::memory_order_acquire)) {
    // With glibc 2.35 and later, backtrace() finds unwind tables without a lock.
    the_note.count = ::backtrace(the_note.frames.data(), kMostFrames);
    the_note.answered.store(true, std::memory_order_release);
  }
  errno = error;
}

void describe(ThreadStack& stack) {
  const std::string folder = fmt::format("/proc/self/task/{}/", stack.thread);
  std::ifstream(folder + "comm") >> stack.name;
  stack.state = ProcessStat::read(folder + "stat").state();
}

void interrupt(ThreadStack& stack) {
  the_note.answered.store(false, std::memory_order_relaxed);
  the_note.asked.store(stack.thread, std::memory_order_release);
  ::syscall(SYS_tgkill, ::getpid(), stack.thread, dump_signal());
  const Deadline deadline = Deadline::after(kAnswerTime);
  while (!the_note.answered.load(std::memory_order_acquire)) {
    if (deadline.passed()) {
      pid_t thread = stack.thread;
      // Taken back, unless it is writing at this moment: then it must be let finish.
      if (the_note.asked.compare_exchange_strong(thread, 0, std::memory_order_acquire)) return;
    }
    ::usleep(100);
  }
  // The first two are the handler and the signal's trampoline, the third is where it was.
  std::vector<std::uintptr_t> addresses;
  for (int i = 2; i < the_note.count; ++i) {
    addresses.push_back(
        reinterpret_cast<std::uintptr_t>(the_note.frames[static_cast<std::size_t>(i)]));
  }
  stack.frames = runtime::symbolise(addresses);
}

}  // namespace

void prepare_stack_dump() {
  void* frame = nullptr;
  ::backtrace(&frame, 1);  // loads libgcc
  struct sigaction action{};
  action.sa_handler = on_dump;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigaction(dump_signal(), &action, nullptr);
}

std::vector<ThreadStack> dump_stacks() {
  std::vector<ThreadStack> stacks;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error)) {
    ThreadStack stack;
    stack.thread = std::atoi(entry.path().filename().c_str());
    describe(stack);
    if (stack.thread != thread_id()) interrupt(stack);
    stacks.push_back(std::move(stack));
  }
  return stacks;
}

json::array stacks_to_json(const std::vector<ThreadStack>& stacks) {
  json::array out;
  for (const ThreadStack& stack : stacks) {
    json::array frames;
    for (const observe::StackFrame& frame : stack.frames) frames.emplace_back(to_string(frame));
    out.push_back(json::object{{"thread", stack.thread},
                               {"name", stack.name},
                               {"state", std::string(1, stack.state)},
                               {"frames", frames}});
  }
  return out;
}

}  // namespace saola::server
