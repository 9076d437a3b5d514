#include <sys/socket.h>
#include <unistd.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <saola/base/unique_fd.hpp>
#include <saola/runtime/native_thread.hpp>
#include <saola/runtime/offload.hpp>
#include <saola/runtime/process.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/runtime/scope.hpp>
#include <saola/runtime/socket.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/task_group.hpp>
#include <saola/runtime/ticker.hpp>
#include <saola/testing/virtual_time.hpp>

namespace saola::testing {
namespace {

using namespace std::chrono_literals;
using runtime::Event;
using runtime::Placement;
using runtime::Runtime;
using runtime::spawn;
using runtime::Task;
using runtime::TaskGroup;
namespace this_task = runtime::this_task;

// Time that passes whatever the clock of the test says.
void work_for(Duration duration) {
  const SteadyTime until = real_clock().steady_now() + duration;
  while (real_clock().steady_now() < until) {
  }
}

TEST(VirtualTime, SleepersWakeAtTheirDeadlinesAndAtOnce) {
  const SteadyTime before = real_clock().steady_now();
  const VirtualTime time;
  Runtime runtime;
  std::vector<int> order;
  runtime.run([&] {
    TaskGroup group;
    for (const int hours : {3, 1, 2}) {
      group.spawn([&order, hours, until = Deadline::after(std::chrono::hours(hours))] {
        this_task::sleep_until(until);
        EXPECT_EQ(steady_now(), until.time());
        order.push_back(hours);
      });
    }
    group.join();
  });
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_EQ(time.elapsed(), 3h);
  EXPECT_LT(real_clock().steady_now() - before, 10min);
}

TEST(VirtualTime, IsRealAgainAfterwards) {
  {
    const VirtualTime time;
    this_task::sleep_for(1000h);
    EXPECT_EQ(time.elapsed(), 1000h);
  }
  const SteadyTime real = std::chrono::steady_clock::now();
  EXPECT_GE(steady_now(), real);
  EXPECT_LT(steady_now(), real + 1h);
}

TEST(VirtualTime, StandsWhileAFiberWorks) {
  const VirtualTime time;
  Runtime runtime;
  runtime.run([&] {
    Task sleeper = spawn([] { this_task::sleep_for(1ms); });
    this_task::yield();
    work_for(5ms);
    EXPECT_EQ(time.elapsed(), 0ms);
    EXPECT_FALSE(sleeper.done());
    sleeper.join();
    EXPECT_EQ(time.elapsed(), 1ms);
  });
}

TEST(VirtualTime, StandsWhileOffloadedWorkRuns) {
  const VirtualTime time;
  Runtime runtime;
  runtime.run([&] {
    Event done;
    Task waiter = spawn([&] { EXPECT_TRUE(done.wait(Deadline::after(1ms))); });
    runtime::offload_blocking([] { work_for(5ms); });
    runtime::offload_cpu([] { work_for(5ms); });
    done.set();
    waiter.join();
    EXPECT_EQ(time.elapsed(), 0ms);
  });
}

TEST(VirtualTime, StandsWhileANativeTaskRuns) {
  const VirtualTime time;
  Runtime runtime;
  runtime.run([&] {
    Event done;
    Task waiter = spawn([&] { EXPECT_TRUE(done.wait(Deadline::after(1ms))); });
    Task native = spawn(
        [&] {
          work_for(5ms);
          done.set();
        },
        {.placement = Placement::kNative});
    native.join();
    waiter.join();
    EXPECT_EQ(time.elapsed(), 0ms);
  });
}

TEST(VirtualTime, OffloadedWorkMayWaitItself) {
  const VirtualTime time;
  Runtime runtime;
  runtime.run([&] {
    runtime::offload_blocking([] { this_task::sleep_for(1h); });
    EXPECT_EQ(time.elapsed(), 1h);
  });
}

// Work that nobody is free to take does not hold time: whoever is to take it waits for time.
TEST(VirtualTime, MovesWhileWorkQueuesForAPoolThatSleeps) {
  const VirtualTime time;
  Runtime runtime({.blocking_threads = 1});
  runtime.run([&] {
    TaskGroup group;
    for (int i = 0; i < 3; ++i) {
      group.spawn([] { runtime::offload_blocking([] { this_task::sleep_for(1h); }); });
    }
    group.join();
    EXPECT_EQ(time.elapsed(), 3h);
  });
}

// Without any Runtime.
TEST(VirtualTime, HoldsForThreads) {
  const VirtualTime time;
  Event first;
  Event second;
  std::thread thread = runtime::start_thread([&] {
    EXPECT_FALSE(second.wait(Deadline::after(2h)));
    work_for(5ms);
    EXPECT_EQ(time.elapsed(), 2h);
    first.set();
  });
  EXPECT_TRUE(first.wait(Deadline::after(3h)));
  EXPECT_EQ(time.elapsed(), 2h);
  thread.join();
}

TEST(VirtualTime, EndsTheWaitsOfPlainThreads) {
  const VirtualTime time;
  const Deadline until = Deadline::after(1h);
  Event never;
  Event over;
  std::thread plain([&] {
    EXPECT_FALSE(never.wait(until));
    over.set();
  });
  this_task::sleep_until(until);
  EXPECT_TRUE(over.wait(Deadline::never()));
  plain.join();
}

// The example of docs/testing.md.
bool connect_with_retries(const runtime::SocketAddress& address, Deadline deadline) {
  for (Duration pause = 100ms; !deadline.passed(); pause = std::min<Duration>(2 * pause, 5min)) {
    if (runtime::Socket::connect(address, deadline)) return true;
    this_task::sleep_until(min(Deadline::after(pause), deadline));
  }
  return false;
}

TEST(Retry, GivesUpAfterAnHour) {
  const testing::VirtualTime time;
  runtime::Runtime runtime;
  runtime.run([] {
    const auto nobody = runtime::SocketAddress::parse("unix:/nowhere/at-all.sock").value();
    EXPECT_FALSE(connect_with_retries(nobody, Deadline::after(1h)));
  });
  EXPECT_EQ(time.elapsed(), 1h);
}

class VirtualTimeOfSockets : public ::testing::TestWithParam<Placement> {};

TEST_P(VirtualTimeOfSockets, BytesComeBeforeTimeMoves) {
  const VirtualTime time;
  Runtime runtime;
  runtime.run([&] {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    runtime::PollFd a{unique_fd(ends[0])};
    runtime::PollFd b{unique_fd(ends[1])};
    Task reader = spawn(
        [&] {
          for (int i = 0; i < 100; ++i) {
            EXPECT_TRUE(a.wait_readable(Deadline::after(1ms)).has_value());
            char byte;
            EXPECT_EQ(::read(a.fd(), &byte, 1), 1);
            EXPECT_EQ(::write(a.fd(), "x", 1), 1);
          }
          // Nobody writes any more.
          EXPECT_EQ(a.wait_readable(Deadline::after(1h)).error().code(), ErrorCode::kTimedOut);
        },
        {.placement = GetParam()});
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(::write(b.fd(), "x", 1), 1);
      EXPECT_TRUE(b.wait_readable(Deadline::after(1ms)).has_value());
      char byte;
      EXPECT_EQ(::read(b.fd(), &byte, 1), 1);
    }
    EXPECT_EQ(time.elapsed(), 0ms);
    reader.join();
    EXPECT_EQ(time.elapsed(), 1h);
  });
}
INSTANTIATE_TEST_SUITE_P(Both, VirtualTimeOfSockets,
                         ::testing::Values(Placement::kFiber, Placement::kNative),
                         [](const auto& param_info) {
                           return std::string(param_info.param == Placement::kFiber ? "Fiber"
                                                                                    : "Thread");
                         });

TEST(VirtualTime, StandsWhileANameIsLookedUp) {
  const VirtualTime time;
  Runtime runtime;
  runtime.run([&] {
    const auto found = runtime::resolve("localhost", 80, Deadline::after(1ms));
    EXPECT_TRUE(found.has_value()) << found.error().message();
    EXPECT_EQ(time.elapsed(), 0ms);
  });
}

// What happens outside of the process is given no time, unless the test says so.
TEST(VirtualTime, HoldGivesAChildProcessItsTime) {
  const VirtualTime time;
  Runtime runtime;
  runtime.run([&] {
    const std::vector<std::string> slow{"sleep", "0.02"};
    EXPECT_EQ(runtime::run_process(slow, {.deadline = Deadline::after(10s)}).error().code(),
              ErrorCode::kTimedOut);
    EXPECT_EQ(time.elapsed(), 10s);
    const VirtualTime::Hold until_it_ends;
    EXPECT_TRUE(runtime::run_process(slow, {.deadline = Deadline::after(10s)}).has_value());
    EXPECT_EQ(time.elapsed(), 10s);
  });
}

TEST(VirtualTime, IsThatOfTickersAndScopes) {
  const VirtualTime time;
  Runtime runtime;
  runtime.run([&] {
    const Result<void> end = runtime::with_deadline(1h, [&] {
      runtime::Ticker ticker(1min);
      for (int minute = 1;; ++minute) {
        EXPECT_EQ(ticker.wait(), 0U);
        EXPECT_EQ(time.elapsed(), minute * 1min);
        if (minute == 59) Event().wait(Deadline::never());
      }
    });
    EXPECT_EQ(end.error().code(), ErrorCode::kTimedOut);
    EXPECT_EQ(time.elapsed(), 1h);
  });
}

TEST(VirtualTime, IsOneForAllRuntimes) {
  const VirtualTime time;
  Event from_first;
  Event from_second;
  const auto play = [](Event& own, Event& other, Duration first_sleep) {
    Runtime runtime;
    runtime.run([&] {
      this_task::sleep_for(first_sleep);
      own.set();
      EXPECT_TRUE(other.wait(Deadline::after(2h)));
      this_task::sleep_for(1h);
    });
  };
  std::thread first = runtime::start_thread([&] { play(from_first, from_second, 1h); });
  Event both;
  std::thread second = runtime::start_thread([&] {
    play(from_second, from_first, 2h);
    both.set();
  });
  EXPECT_TRUE(both.wait(Deadline::never()));
  EXPECT_EQ(time.elapsed(), 3h);
  first.join();
  second.join();
}

// Fibers, native tasks, offloaded work and threads that sleep, signal and work, all at once: whoever
// wakes finds that time has not gone past its deadline, as it would when somebody was overlooked.
TEST(VirtualTime, NobodyOversleeps) {
  const VirtualTime time;
  Runtime runtime({.blocking_threads = 4});
  runtime::Mutex mutex;
  const auto live = [&](std::uint32_t seed) {
    std::minstd_rand random(seed);
    for (int i = 0; i < 200; ++i) {
      const Deadline until = Deadline::after(std::chrono::microseconds(random() % 1000 + 1));
      switch (random() % 4) {
        case 0:
          this_task::sleep_until(until);
          break;
        case 1:
          runtime::offload_blocking([&] { this_task::sleep_until(until); });
          // It may have queued.
          EXPECT_GE(steady_now(), until.time());
          continue;
        case 2: {
          Event rung;
          Task bell = spawn([&] {
            this_task::sleep_until(until);
            rung.set();
          });
          EXPECT_TRUE(rung.wait(Deadline::after(1h)));
          break;
        }
        default: {
          Task work =
              spawn([&] { this_task::sleep_until(until); }, {.placement = Placement::kNative});
          work.join();
          break;
        }
      }
      EXPECT_EQ(steady_now(), until.time());
      const std::lock_guard lock(mutex);
    }
  };
  runtime.run([&] {
    TaskGroup group;
    for (std::uint32_t i = 1; i <= 6; ++i) {
      group.spawn([&live, i] { live(i); },
                  {.placement = i % 2 == 0 ? Placement::kNative : Placement::kFiber});
    }
    group.join();
  });
}

TEST(VirtualTimeDeathTest, BeginsBeforeTheRuntime) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto begin_late = [] {
    const Runtime runtime;
    const VirtualTime time;
  };
  EXPECT_DEATH(begin_late(), "virtual time begins before the Runtimes");
}

}  // namespace
}  // namespace saola::testing
