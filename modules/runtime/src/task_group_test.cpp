#include <sched.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/task_group.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using TaskGroupTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(TaskGroupTest);

TEST_P(TaskGroupTest, JoinsAllAndThrowsTheFirstError) {
  run([] {
    std::atomic<int> ran{0};
    TaskGroup group;
    for (int i = 0; i < 10; ++i) {
      group.spawn([&, i] {
        this_task::yield();
        ++ran;
        if (i == 3) throw std::runtime_error("three");
      });
    }
    EXPECT_THROW(group.join(), std::runtime_error);
    EXPECT_EQ(ran.load(), 10);
    EXPECT_TRUE(group.join());
  });
}

TEST_P(TaskGroupTest, LimitHolds) {
  run([] {
    std::atomic<int> now{0};
    std::atomic<int> most{0};
    TaskGroup group(3);
    for (int i = 0; i < 20; ++i) {
      group.spawn([&] {
        const int n = ++now;
        int seen = most.load();
        while (n > seen && !most.compare_exchange_weak(seen, n)) {
        }
        this_task::yield();
        --now;
      });
    }
    group.join();
    EXPECT_LE(most.load(), 3);
    EXPECT_GE(most.load(), 1);
  });
}

TEST_P(TaskGroupTest, CancelEndsThemAll) {
  run([] {
    TaskGroup group;
    for (int i = 0; i < 5; ++i) group.spawn([] { this_task::sleep_for(1h); });
    EXPECT_FALSE(group.join(Deadline::after(5ms)));
    group.cancel();
    EXPECT_THROW(group.join(), Cancelled);
    EXPECT_EQ(group.size(), 0U);
  });
}

TEST_P(TaskGroupTest, DestructorCancelsAndJoins) {
  run([] {
    std::atomic<int> alive{0};
    {
      TaskGroup group;
      for (int i = 0; i < 5; ++i) {
        group.spawn([&] {
          ++alive;
          try {
            this_task::sleep_for(1h);
          } catch (...) {
            --alive;
            throw;
          }
          --alive;
        });
      }
    }
    EXPECT_EQ(alive.load(), 0);
  });
}

TEST_P(TaskGroupTest, TaskSpawnedAfterCancelIsCancelled) {
  run([] {
    bool late_ended_early = false;
    TaskGroup group;
    group.spawn([&] {
      try {
        this_task::sleep_for(1h);
      } catch (const Cancelled&) {
        const this_task::Uncancellable guard;
        group.spawn([&] {
          try {
            this_task::sleep_for(1h);
          } catch (const Cancelled&) {
            late_ended_early = true;
            throw;
          }
        });
        throw;
      }
    });
    this_task::yield();
    group.cancel();
    EXPECT_THROW(group.join(), Cancelled);
    EXPECT_TRUE(late_ended_early);
  });
}

TEST_P(TaskGroupTest, CancelledDoesNotHideAnError) {
  run([] {
    TaskGroup group;
    group.spawn([] { throw Cancelled(); }, {.name = "first"});
    group.spawn([] {
      this_task::sleep_for(1ms);
      throw std::runtime_error("disk full");
    });
    try {
      group.join();
      ADD_FAILURE() << "join() threw nothing";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "disk full");
    }
    EXPECT_TRUE(group.join()) << "an error is thrown once";
  });
}

TEST_P(TaskGroupTest, FirstErrorCancelsTheRest) {
  run([] {
    TaskGroup group({.on_error = TaskGroupOptions::OnError::kCancelRest});
    std::atomic<int> cancelled{0};
    for (int i = 0; i < 5; ++i) {
      group.spawn([&] {
        try {
          this_task::sleep_for(1h);
        } catch (const Cancelled&) {
          ++cancelled;
          throw;
        }
      });
    }
    group.spawn([] { throw std::runtime_error("one"); });
    EXPECT_THROW(group.join(), std::runtime_error);
    EXPECT_EQ(cancelled.load(), 5);
  });
}

TEST_P(TaskGroupTest, ACancelledTaskDoesNotCancelTheRest) {
  run([] {
    TaskGroup group({.on_error = TaskGroupOptions::OnError::kCancelRest});
    bool finished = false;
    group.spawn([] { throw Cancelled(); });
    group.spawn([&] {
      this_task::sleep_for(5ms);
      finished = true;
    });
    EXPECT_THROW(group.join(), Cancelled);
    EXPECT_TRUE(finished);
  });
}

// Native tasks spawn at the same time, each taking away what ended meanwhile.
TEST(TaskGroupLimit, HoldsWithNativeSpawners) {
  const LeakCheck leaks;
  constexpr int kLimit = 2;
  TaskGroup group(kLimit);
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  {
    std::vector<std::jthread> spawners;
    for (int s = 0; s < 4; ++s) {
      spawners.emplace_back([&] {
        for (int i = 0; i < 100; ++i) {
          group.spawn([&] {
            const int n = ++now;
            int seen = most.load();
            while (n > seen && !most.compare_exchange_weak(seen, n)) {
            }
            ::sched_yield();
            --now;
          });
          EXPECT_LE(group.size(), std::size_t{kLimit});
        }
      });
    }
  }
  group.join();
  EXPECT_LE(most.load(), kLimit);
}

}  // namespace
}  // namespace saola::runtime
