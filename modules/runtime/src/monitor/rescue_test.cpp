#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/offload.hpp>
#include <saola/runtime/placed.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/runtime/sync/event.hpp>

#include "monitor/test_hog.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

TEST(Rescue, HogDoesNotStopTheOthers) {
  Sink sink;
  Runtime runtime({.stall_sink = &sink});
  Duration longest{};
  runtime.run([&] {
    Pulse pulse;
    Task hog = spawn([] { burn_cpu_for(300ms); }, {.name = "hog"});
    hog.join();
    longest = pulse.stop();
  });
  EXPECT_LT(longest, 250ms);  // of 300: the machine may be busy
  EXPECT_GE(runtime.stats().rescues, 1U);
  EXPECT_EQ(runtime.stats().rescued_now, 0U);
}

TEST(Rescue, ReportNamesTheHog) {
  Sink sink;
  std::vector<observe::StallReport> reports;
  {
    Runtime runtime({.stall_sink = &sink});
    runtime.run([&] {
      Pulse pulse;
      Task hog = spawn(
          [] {
            this_task::set_activity("GET /split");
            burn_cpu_for(100ms);
          },
          {.name = "hog", .kind = "splitter"});
      hog.join();
      pulse.stop();
    });
  }
  reports = sink.take();
  ASSERT_GE(reports.size(), 2U);
  const observe::StallReport& first = reports.front();
  EXPECT_EQ(first.fiber, "hog");
  EXPECT_EQ(first.subject, "GET /split");
  EXPECT_EQ(first.spawn_site, "splitter");
  EXPECT_EQ(first.verdict, observe::StallVerdict::kCpu);
  EXPECT_EQ(first.action, observe::StallAction::kRescued);
  EXPECT_EQ(first.phase, observe::StallPhase::kBegan);
  bool named = false;
  std::string names;
  for (const auto& frame : first.stack) {
    names += to_string(frame) + "\n";
    named |= frame.symbol.find("burn_cpu_for") != std::string::npos &&
             frame.file.ends_with("test_hog.hpp") && frame.line > 0;
  }
#if defined(__SANITIZE_THREAD__)
  // ThreadSanitizer delivers a signal only where its own code runs, so the stack is that code's.
  EXPECT_FALSE(first.stack.empty());
#else
  EXPECT_TRUE(named) << names;
#endif
  EXPECT_EQ(reports.back().phase, observe::StallPhase::kEnded);
  EXPECT_GE(reports.back().duration, 90ms);
}

// Ready at the same time, so that each is rescued while others are late, when there is little time
// for its stack.
TEST(Rescue, HogsBackToBackAreEachReportedWithAStack) {
  Sink sink;
  {
    Runtime runtime({.learn_placement = false, .stall_sink = &sink});
    runtime.run([&] {
      Pulse pulse;
      std::vector<Task> hogs;
      for (int i = 0; i < 6; ++i) hogs.push_back(spawn([] { burn_cpu_for(150ms); }));
      for (Task& hog : hogs) hog.join();
      pulse.stop();
    });
    EXPECT_GE(runtime.stats().rescues, 6U);
  }
  int began = 0;
  for (const auto& report : sink.take()) {
    if (report.phase != observe::StallPhase::kBegan) continue;
    ++began;
    EXPECT_FALSE(report.stack.empty());
  }
  EXPECT_GE(began, 6);
}

TEST(Rescue, BlockedCallIsToldFromComputation) {
  Sink sink;
  {
    Runtime runtime({.stall_sink = &sink});
    runtime.run([&] {
      Pulse pulse;
      Task blocker = spawn([] { ::usleep(500'000); }, {.name = "blocker"});
      blocker.join();
      EXPECT_LT(pulse.stop(), 450ms);
    });
  }
  const auto reports = sink.take();
  ASSERT_FALSE(reports.empty());
  EXPECT_EQ(reports.front().verdict, observe::StallVerdict::kBlocked);
  EXPECT_FALSE(reports.front().stack.empty());
}

TEST(Rescue, HogThatNobodyWaitsForIsNoIncident) {
  Sink sink;
  Runtime runtime({.stall_sink = &sink});
  runtime.run([&] {
    Task hog = spawn([] { burn_cpu_for(60ms); });
    hog.join();
  });
  EXPECT_EQ(runtime.stats().stalls, 0U);
}

// Three other threads want the one CPU, so a fiber that computes 3 ms holds the loop for far
// longer: not its fault.
TEST(Rescue, ThreadWithoutACpuIsNotBlamed) {
  Sink sink;
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  const int cpu = [&] {
    for (int i = 0;; ++i) {
      if (CPU_ISSET(i, &before)) return i;
    }
  }();
  std::thread pinned([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
    std::atomic<bool> stop{false};
    std::vector<std::thread> others;
    for (int i = 0; i < 3; ++i) {
      others.emplace_back([&] {
        while (!stop) burn_cpu_for(1ms);
      });
    }
    Duration longest{};
    {
      Runtime runtime({.stall_sink = &sink});
      runtime.run([&] {
        Pulse pulse;
        Task worker = spawn([&] {
          for (int i = 0; i < 40; ++i) {
            burn_cpu_for(3ms);
            this_task::yield();
          }
        });
        worker.join();
        longest = pulse.stop();
      });
      EXPECT_EQ(runtime.stats().stalls, 0U);
    }
    stop = true;
    for (std::thread& other : others) other.join();
    // Otherwise the case was not what it wants to be.
    EXPECT_GT(longest, 10ms);
  });
  pinned.join();
}

TEST(Rescue, ReportPolicyChangesNothing) {
  Sink sink;
  Duration longest{};
  {
    Runtime runtime({.on_stall = StallPolicy::kReport, .stall_sink = &sink});
    runtime.run([&] {
      Pulse pulse;
      Task hog = spawn([] { burn_cpu_for(100ms); });
      hog.join();
      longest = pulse.stop();
    });
    EXPECT_EQ(runtime.stats().rescues, 0U);
    EXPECT_GE(runtime.stats().stalls, 1U);
  }
  EXPECT_GE(longest, 90ms);
  ASSERT_FALSE(sink.take().empty());
}

TEST(Rescue, IgnorePolicyIsSilent) {
  Sink sink;
  {
    Runtime runtime({.on_stall = StallPolicy::kIgnore, .stall_sink = &sink});
    runtime.run([&] {
      Pulse pulse;
      Task hog = spawn([] { burn_cpu_for(60ms); });
      hog.join();
      EXPECT_GE(pulse.stop(), 55ms);
    });
  }
  EXPECT_TRUE(sink.take().empty());
}

TEST(RescueDeathTest, AbortPolicyEndsTheProcessAndSaysWhy) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Runtime runtime({.on_stall = StallPolicy::kAbort});
        runtime.run([] {
          Pulse pulse;
          Task hog = spawn([] { burn_cpu_for(2s); }, {.name = "culprit"});
          hog.join();
        });
      },
      "culprit");
}

TEST(Rescue, PolicyOfOneFiberWins) {
  Runtime runtime;
  runtime.run([&] {
    Pulse pulse;
    Task hog = spawn([] {
      this_task::set_stall_policy(StallPolicy::kIgnore);
      burn_cpu_for(60ms);
    });
    hog.join();
    EXPECT_GE(pulse.stop(), 55ms);
  });
  EXPECT_EQ(runtime.stats().rescues, 0U);
}

TEST(Rescue, KindThatHoggedRunsAsideTheNextTime) {
  Sink sink;
  Runtime runtime({.stall_sink = &sink});
  runtime.run([&] {
    Pulse pulse;
    const auto start = [] {
      return spawn(
          [] {
            const bool aside = on_side();
            EXPECT_TRUE(this_task::on_fiber());
            burn_cpu_for(50ms);
            if (aside) throw 1;
          },
          {.kind = "learner"});
    };
    start().join();
    const auto rescues = runtime.stats().rescues;
    EXPECT_EQ(runtime.stats().exiled_kinds, 1U);
    Task second = start();
    EXPECT_THROW(second.join(), int);
    EXPECT_EQ(runtime.stats().rescues, rescues);
    pulse.stop();
  });
  EXPECT_EQ(runtime.stats().placed_aside, 1U);
}

TEST(Rescue, PlacedWorkOfAKindThatHoggedRunsAside) {
  Sink sink;
  Runtime runtime({.stall_sink = &sink});
  runtime.run([&] {
    Pulse pulse;
    bool aside = true;
    const auto work = [&] {
      aside = on_side();
      burn_cpu_for(40ms);
    };
    run_placed("route /report", work);
    EXPECT_FALSE(aside);
    EXPECT_FALSE(on_side());  // home again
    run_placed("route /report", work);
    EXPECT_TRUE(aside);
    EXPECT_FALSE(on_side());
    run_placed("route /other", [&] { aside = on_side(); });
    EXPECT_FALSE(aside);
    pulse.stop();
  });
  EXPECT_EQ(runtime.stats().rescues, 1U);
  EXPECT_EQ(runtime.stats().placed_aside, 1U);
}

// One report when the kind is exiled, one when it is pardoned; none for each call between.
TEST(Rescue, KindIsPardonedAfterAQuietTime) {
  Sink sink;
  {
    Runtime runtime({.placement_memory = 30ms, .stall_sink = &sink});
    runtime.run([&] {
      Pulse pulse;
      bool aside = true;
      run_placed("k", [] { burn_cpu_for(40ms); });
      for (int i = 0; i < 3; ++i) run_placed("k", [&] { aside = on_side(); });
      EXPECT_TRUE(aside);
      while (runtime.stats().exiled_kinds != 0) this_task::sleep_for(1ms);
      run_placed("k", [&] { aside = on_side(); });
      EXPECT_FALSE(aside);
      pulse.stop();
    });
  }  // the last report is out
  int exiled = 0;
  int pardoned = 0;
  for (const auto& report : sink.take()) {
    if (report.action != observe::StallAction::kPlaced) continue;
    EXPECT_EQ(report.spawn_site, "k");
    ++(report.phase == observe::StallPhase::kBegan ? exiled : pardoned);
  }
  EXPECT_EQ(exiled, 1);
  EXPECT_EQ(pardoned, 1);
}

TEST(Rescue, PoliteHogIsRescuedOnceAndStaysAside) {
  for (const Duration slice : {15ms, 9ms}) {
    Sink sink;
    Runtime runtime({.stall_sink = &sink});
    runtime.run([&] {
      Pulse pulse;
      Task hog = spawn([&] {
        for (Duration left = 500ms; left > Duration::zero(); left -= slice) {
          burn_cpu_for(slice);
          this_task::yield();
        }
      });
      hog.join();
      pulse.stop();
    });
    EXPECT_GE(runtime.stats().rescues, 1U);
    EXPECT_LE(runtime.stats().rescues, 3U);
  }
}

TEST(Rescue, HogsOfOneKindPayOneThresholdBetweenThem) {
  Sink sink;
  Runtime runtime({.stall_sink = &sink});
  runtime.run([&] {
    Pulse pulse;
    std::vector<Task> hogs;
    for (int i = 0; i < 6; ++i) hogs.push_back(spawn([] { burn_cpu_for(50ms); }, {.kind = "h"}));
    for (Task& hog : hogs) hog.join();
    pulse.stop();
  });
  EXPECT_EQ(runtime.stats().rescues, 1U);
  EXPECT_EQ(runtime.stats().placed_aside, 5U);
}

// Waiting fibers of an exiled kind take no thread.
TEST(Rescue, StreamsOfAnExiledKindTakeNoThreads) {
  Sink sink;
  Runtime runtime({.stall_sink = &sink});
  runtime.run([&] {
    Pulse pulse;
    run_placed("route /events", [] { burn_cpu_for(40ms); });
    Event end;
    std::atomic<int> waiting{0};
    std::vector<Task> streams;
    for (int i = 0; i < 600; ++i) {
      streams.push_back(spawn(
          [&] {
            run_placed("route /events", [&] {
              ++waiting;
              end.wait(Deadline::after(10s));
            });
          },
          {.placement = Placement::kFiber}));
    }
    while (waiting < 600) this_task::sleep_for(1ms);
    EXPECT_LT(runtime.stats().threads, 40U);
    end.set();
    for (Task& stream : streams) stream.join();
    pulse.stop();
  });
}

// At the cap a hog keeps the loop until a place is free; the others are late, and it is said.
TEST(Rescue, RefusedRescueIsTriedAgain) {
  Sink sink;
  bool shed = false;
  Runtime runtime({.max_rescued = 1, .learn_placement = false, .stall_sink = &sink});
  runtime.run([&] {
    Pulse pulse;
    Task first = spawn([] { burn_cpu_for(200ms); });
    while (runtime.stats().rescued_now == 0) this_task::sleep_for(1ms);
    EXPECT_FALSE(runtime.shedding());  // the cap is reached, but nobody is late
    Task second = spawn([&] {
      const Deadline limit = Deadline::after(20s);
      while (runtime.stats().rescues < 2 && !limit.passed()) shed |= runtime.shedding();
    });
    first.join();
    second.join();
    pulse.stop();
  });
  EXPECT_TRUE(shed);
  EXPECT_FALSE(runtime.shedding());
  EXPECT_EQ(runtime.stats().rescues, 2U);
  EXPECT_EQ(runtime.stats().rescues_refused, 1U);
}

// Contenders for a native lock wait in the kernel: that many exist, and use nothing up.
TEST(Rescue, ManyContendersForANativeLockDoNotFreezeTheLoop) {
  Sink sink;
  Duration longest{};
  Runtime runtime({.stall_sink = &sink});
  runtime.run([&] {
    std::mutex lock;
    std::atomic<bool> first{true};
    Pulse pulse;
    std::vector<Task> handlers;
    for (int i = 0; i < 40; ++i) {
      handlers.push_back(spawn(
          [&] {
            lock.lock();
            if (first.exchange(false)) this_task::sleep_for(100ms);  // with the lock held
            lock.unlock();
          },
          {.placement = Placement::kFiber}));
    }
    for (Task& handler : handlers) handler.join();
    longest = pulse.stop();
  });
  EXPECT_LT(longest, 400ms);
}

TEST(Rescue, DeadlineOfAWaiterIsKept) {
  Runtime runtime({.stall_sink = nullptr});
  runtime.run([&] {
    Event never;
    Task hog = spawn([] { burn_cpu_for(300ms); });
    const auto before = std::chrono::steady_clock::now();
    EXPECT_FALSE(never.wait(Deadline::after(20ms)));
    EXPECT_LT(std::chrono::steady_clock::now() - before, 150ms);
    hog.join();
  });
}

TEST(Rescue, CancelReachesARescuedFiberAtItsNextCall) {
  Runtime runtime;
  runtime.run([&] {
    std::atomic<bool> past{false};
    Pulse pulse;
    Task hog = spawn([&] {
      burn_cpu_for(100ms);
      this_task::yield();
      past = true;
    });
    while (runtime.stats().rescues == 0) this_task::sleep_for(1ms);
    hog.cancel();
    EXPECT_THROW(hog.join(), Cancelled);
    EXPECT_FALSE(past.load());
    pulse.stop();
  });
}

TEST(Rescue, RescuedFiberGoesOnAsideAndSpawnsFibers) {
  Runtime runtime({.learn_placement = false});
  runtime.run([&] {
    Pulse pulse;
    int rounds = 0;
    Task hog = spawn([&] {
      for (int i = 0; i < 5; ++i) {
        burn_cpu_for(30ms);
        this_task::yield();
        ++rounds;
        EXPECT_TRUE(on_side());
        EXPECT_TRUE(this_task::on_fiber());
        Task child = spawn([] {
          EXPECT_FALSE(on_side());
          this_task::yield();
        });
        child.join();
      }
    });
    hog.join();
    EXPECT_EQ(rounds, 5);
    pulse.stop();
  });
  EXPECT_EQ(runtime.stats().rescues, 1U);
}

TEST(Rescue, FiberThatBehavesComesHome) {
  Runtime runtime({.learn_placement = false});
  runtime.run([&] {
    Pulse pulse;
    Task hog = spawn([&] {
      burn_cpu_for(30ms);
      this_task::yield();
      EXPECT_TRUE(on_side());
      const Deadline limit = Deadline::after(10s);
      while (on_side() && !limit.passed()) this_task::sleep_for(10ms);
      EXPECT_FALSE(on_side());
    });
    hog.join();
    pulse.stop();
  });
}

TEST(Offload, RunsElsewhereAndReturnsTheResult) {
  Runtime runtime;
  runtime.run([&] {
    Pulse pulse;
    const pid_t here = ::gettid();
    const pid_t there = offload_cpu([] {
      burn_cpu_for(50ms);
      return ::gettid();
    });
    EXPECT_NE(here, there);
    EXPECT_THROW(offload_blocking([] { throw std::runtime_error("x"); }), std::runtime_error);
    pulse.stop();
  });
  EXPECT_EQ(runtime.stats().rescues, 0U);
}

}  // namespace
}  // namespace saola::runtime
