// What only shows with the inside of the runtime in hand; the rest is in modules/testing.
#include <signal.h>

#include <atomic>

#include <gtest/gtest.h>

#include <saola/runtime/placed.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/testing/virtual_time.hpp>

#include "monitor/test_hog.hpp"

namespace saola::runtime {
namespace {

// A fiber whose kind has hogged lives on side carriers: their timers are the clock's too, and while
// one of them works time stands.
TEST(VirtualClock, CountsTheSide) {
  const saola::testing::VirtualTime time;
  Sink sink;
  Runtime runtime({.stall_sink = &sink});
  runtime.run([&] {
    Task other = spawn([] {});
    run_placed("k", [] { burn_cpu_for(40ms); });
    other.join();
    Event rung;
    Task aside = spawn(
        [&] {
          EXPECT_TRUE(on_side());
          this_task::sleep_for(1h);
          EXPECT_TRUE(on_side());
          EXPECT_EQ(time.elapsed(), 1h);
          burn_cpu_for(3ms);
          rung.set();
        },
        {.kind = "k"});
    this_task::sleep_for(1h);
    EXPECT_TRUE(rung.wait(Deadline::after(1ms)));
    EXPECT_EQ(time.elapsed(), 1h);
    aside.join();
  });
  EXPECT_GE(runtime.stats().placed_aside, 1U);
}

// The monitor judges by real time: a hog is rescued while the clock stands.
TEST(VirtualClock, DoesNotMoveTheMonitor) {
  const saola::testing::VirtualTime time;
  Sink sink;
  Runtime runtime({.stall_sink = &sink});
  runtime.run([&] {
    std::atomic<bool> others{false};
    Task hog = spawn([&] {
      while (!others) burn_cpu_for(1ms);
    });
    Task other = spawn([&] { others = true; });
    hog.join();
    other.join();
    // An hour in which nobody works is no stall.
    this_task::sleep_for(1h);
  });
  EXPECT_EQ(runtime.stats().rescues, 1U);
  EXPECT_EQ(time.elapsed(), 1h);
}

// A thread that does not answer when it is asked for its stack: the monitor gives up after real
// milliseconds, though the clock stands.
TEST(VirtualClock, IsNotTheMonitorsPatience) {
  const saola::testing::VirtualTime time;
  Sink sink;
  Runtime runtime({.on_stall = StallPolicy::kReport, .stall_sink = &sink});
  runtime.run([&] {
    Task other = spawn([] {});
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    while (runtime.stats().stalls == 0) burn_cpu_for(1ms);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    other.join();
  });
  EXPECT_EQ(runtime.stats().stalls, 1U);
}

}  // namespace
}  // namespace saola::runtime
