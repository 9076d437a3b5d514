// What happens when there is no memory: the n-th allocation of a scenario that uses every primitive
// fails, for every n, and the loop lives.
#include <atomic>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <saola/runtime/offload.hpp>
#include <saola/runtime/placed.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/sync/queue.hpp>
#include <saola/runtime/sync/semaphore.hpp>
#include <saola/runtime/task_group.hpp>
#include <saola/runtime/task_local.hpp>

#include "loop/carrier.hpp"

namespace {

// Allocations of fibers left until one fails; negative: none fails. Only while a fiber runs: what the
// runtime's own threads need is not the scenario's.
std::atomic<long> left_until_failure{-1};
std::atomic<long> in_sections{0};
std::atomic<bool> counting{false};

void* allocate(std::size_t bytes) {
  if (counting.load(std::memory_order_relaxed)) {
    const saola::runtime::detail::Carrier* carrier = saola::runtime::detail::current_carrier();
    if (carrier != nullptr && carrier->fiber != nullptr) {
      if (carrier->in_runtime) in_sections.fetch_add(1, std::memory_order_relaxed);
      if (left_until_failure.load(std::memory_order_relaxed) >= 0 &&
          left_until_failure.fetch_sub(1, std::memory_order_relaxed) == 0) {
        return nullptr;
      }
    }
  }
  return std::malloc(bytes == 0 ? 1 : bytes);
}

}  // namespace

// GCC 12 takes the inlined halves of a pair for strangers.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (void* memory = allocate(bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

TaskLocal<std::string> local;

// Everything that a service does in a request, in little. Whatever it throws, it ends.
void scenario() {
  Mutex mutex;
  Event event;
  Semaphore permits(1);
  Queue<int> queue(1);
  *local = "a text that does not fit into the string itself";
  TaskGroup group;
  group.spawn([&] {
    const std::lock_guard lock(mutex);
    this_task::sleep_for(100us);
  });
  group.spawn([&] {
    this_task::yield();
    const std::lock_guard lock(mutex);
    event.set();
  });
  group.spawn([&] {
    (void)queue.push(1);
    (void)queue.push(2, Deadline::after(1ms));
  });
  (void)queue.pop(Deadline::after(10ms));
  event.wait(Deadline::after(10ms));
  if (permits.acquire(Deadline::after(1ms))) permits.release();
  EXPECT_EQ(offload_blocking([] { return 7; }), 7);
  run_placed("allocation test", [] { this_task::yield(); });
  Task thrower = spawn([] { throw std::runtime_error("expected"); });
  try {
    thrower.join();
  } catch (const std::runtime_error&) {
  }
  Task cancelled = spawn([&] { Event().wait(); });
  cancelled.cancel();
  try {
    cancelled.join();
  } catch (const Cancelled&) {
  }
  group.join(Deadline::after(1s));
}

TEST(Allocation, EveryFailureReachesTheTaskAndTheLoopLives) {
  Runtime runtime;
  runtime.run([] {
    scenario();  // what is made once is made
    constexpr long kMost = 2000;
    long n = 0;
    for (; n < kMost; ++n) {
      left_until_failure = n;
      counting = true;
      try {
        scenario();
      } catch (const std::bad_alloc&) {
      }
      counting = false;
      const bool failed = left_until_failure < 0;
      left_until_failure = -1;
      if (!failed) break;
      // The loop lives: a timer, a switch and a join still work.
      this_task::sleep_for(10us);
      spawn([] { this_task::yield(); }).join();
    }
    EXPECT_GE(n, 10);
    EXPECT_LT(n, kMost);
  });
  EXPECT_EQ(runtime.stats().fibers, 0U);
}

// The heap of deadlines may grow in a section, before anything has changed; nothing else does.
TEST(Allocation, SectionsTakeNoMemory) {
  Runtime runtime;
  runtime.run([] {
    scenario();
    in_sections = 0;
    counting = true;
    for (int i = 0; i < 3; ++i) scenario();
    counting = false;
    EXPECT_EQ(in_sections, 0);
  });
}

}  // namespace
}  // namespace saola::runtime
