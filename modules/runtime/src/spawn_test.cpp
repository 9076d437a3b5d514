// What spawning keeps per carrier (ids, ended fibers, counts) while the loop is stolen, and who
// spawns while a runtime stops.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/semaphore.hpp>

#include "loop/forced_stealer.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

constexpr RuntimeOptions kStealable{.on_stall = StallPolicy::kIgnore, .learn_placement = false};

TEST(Spawn, IdsAreUniqueWhoeverSpawnsAndWhereverTheLoopGoes) {
  constexpr int kRounds = 3000;
  std::mutex mutex;
  std::vector<std::uint64_t> ids;
  const auto spawn_many = [&](auto spawn_one) {
    std::vector<std::uint64_t> mine;
    for (int i = 0; i < kRounds; ++i) {
      Task task = spawn_one([&] { this_task::yield(); });
      mine.push_back(task.id());
      task.join();
    }
    const std::lock_guard lock(mutex);
    ids.insert(ids.end(), mine.begin(), mine.end());
  };
  Runtime runtime(kStealable);
  runtime.run([&] {
    ForcedStealer stealer(runtime, 50us, 1);
    std::thread thread([&] { spawn_many([&](auto body) { return runtime.spawn(body); }); });
    std::vector<Task> spawners;
    for (int i = 0; i < 4; ++i) {
      spawners.push_back(spawn([&] { spawn_many([&](auto body) { return spawn(body); }); }));
    }
    for (Task& task : spawners) task.join();
    thread.join();
    EXPECT_GT(stealer.steals(), 0U);
  });
  ASSERT_EQ(ids.size(), 5U * kRounds);
  std::ranges::sort(ids);
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
  EXPECT_GT(ids.front(), 0U);
}

TEST(Spawn, EveryTaskIsCountedWhereverTheLoopGoes) {
  constexpr int kRounds = 200;
  constexpr int kEach = 50;
  Runtime runtime(kStealable);
  runtime.run([&] {
    ForcedStealer stealer(runtime, 50us, 2);
    for (int round = 0; round < kRounds; ++round) {
      Event go;
      std::vector<Task> tasks;
      for (int i = 0; i < kEach; ++i) tasks.push_back(spawn([&] { go.wait(); }));
      // Who has ended is counted out by the loop's owner, perhaps after its joiner went on.
      EXPECT_GE(runtime.stats().fibers, 1U + kEach);
      EXPECT_LE(runtime.stats().fibers, 1U + 2 * kEach);
      go.set();
      for (Task& task : tasks) task.join();
    }
    stealer.stop();
    for (int i = 0; i < 1000 && runtime.stats().fibers > 1; ++i) this_task::sleep_for(1ms);
    EXPECT_EQ(runtime.stats().fibers, 1U);
  });
  EXPECT_EQ(runtime.stats().fibers, 0U);
  EXPECT_EQ(runtime.stats().spawned, 1U + kRounds * kEach);
}

TEST(Spawn, EndedFibersAreUsedAgainWhoeverLetThemGo) {
  Runtime runtime;
  for (int run = 0; run < 3; ++run) {
    runtime.run([&] {
      std::thread thread([&] {
        for (int i = 0; i < 500; ++i) runtime.spawn([] {}).join();
      });
      for (int i = 0; i < 500; ++i) spawn([] {}).join();
      for (int i = 0; i < 500; ++i) spawn([] {}).detach();
      Semaphore done(0);
      spawn([&] { done.release(); }).detach();
      done.acquire();
      while (runtime.stats().fibers > 1) this_task::sleep_for(1ms);
      thread.join();
    });
  }
  std::size_t fibers = 0;
  runtime.impl().loop.for_each_fiber([&](detail::Fiber&) { ++fibers; });
  EXPECT_LE(fibers, 700U) << "500 at once, few more, in each of three runs";
}

TEST(Spawn, StopReachesThoseWhoAreSpawnedMeanwhile) {
  std::atomic<int> missed{0};
  std::atomic<int> reached{0};
  for (int round = 0; round < 100; ++round) {
    Runtime runtime(kStealable);
    const auto child = [&] {
      Event never;
      try {
        ++(never.wait(Deadline::after(5s)) ? reached : missed);
      } catch (const Cancelled&) {
        ++reached;
        throw;
      }
    };
    std::atomic<bool> started{false};
    std::thread foreign([&] {
      while (!started) std::this_thread::yield();
      try {
        for (int i = 0; i < 200; ++i) runtime.spawn(child).detach();
      } catch (const std::runtime_error&) {
        // It has ended: who is not spawned need not be stopped.
      }
    });
    std::thread stopper([&] {
      while (!started) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::microseconds(round * 5));
      runtime.stop();
    });
    EXPECT_THROW(runtime.run([&] {
      started = true;
      for (int i = 0; i < 200; ++i) spawn(child).detach();
      while (true) this_task::sleep_for(1ms);
    }),
                 Cancelled);
    foreign.join();
    stopper.join();
  }
  EXPECT_EQ(missed, 0);
  EXPECT_GT(reached, 100);
}

}  // namespace
}  // namespace saola::runtime
