#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/sync/event.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using TaskTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(TaskTest);

TEST_P(TaskTest, JoinSeesWhatTheTaskDid) {
  run([] {
    int value = 0;
    Task task = spawn([&] { value = 7; });
    task.join();
    EXPECT_EQ(value, 7);
    EXPECT_FALSE(task);
  });
}

TEST_P(TaskTest, ExceptionReachesTheJoiner) {
  run([] {
    Task task = spawn([] { throw std::runtime_error("boom"); });
    try {
      task.join();
      FAIL() << "join() did not throw";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "boom");
    }
  });
}

TEST_P(TaskTest, CancelEndsASleepAtOnce) {
  run([] {
    Task task = spawn([] { this_task::sleep_for(1h); });
    this_task::yield();
    task.cancel();
    EXPECT_THROW(task.join(), Cancelled);
  });
}

TEST_P(TaskTest, CancelBeforeTheWaitIsNotLost) {
  run([] {
    Event started;
    Event go;
    bool reached = false;
    Task task = spawn([&] {
      {
        this_task::Uncancellable guard;
        started.set();
        go.wait();
      }
      this_task::sleep_for(1h);
      reached = true;
    });
    started.wait();
    task.cancel();
    go.set();
    EXPECT_THROW(task.join(), Cancelled);
    EXPECT_FALSE(reached);
  });
}

TEST_P(TaskTest, JoinTimesOutAndMayBeRepeated) {
  run([] {
    Event go;
    Task task = spawn([&] { go.wait(); });
    EXPECT_FALSE(task.join(Deadline::after(2ms)));
    EXPECT_TRUE(task);
    EXPECT_FALSE(task.done());
    go.set();
    EXPECT_TRUE(task.join(Deadline::never()));
  });
}

TEST_P(TaskTest, DroppedHandleCancelsAndJoins) {
  run([] {
    std::atomic<bool> ended{false};
    {
      Task task = spawn([&] {
        try {
          this_task::sleep_for(1h);
        } catch (const Cancelled&) {
          ended = true;
          throw;
        }
      });
      this_task::yield();
    }
    // Either it was cancelled in its sleep or before it began to sleep; it is over now in both
    // cases.
    SUCCEED();
    Task seen = spawn([&] { ended = true; });
    seen.join();
    EXPECT_TRUE(ended.load());
  });
}

TEST_P(TaskTest, CancelledJoinerKeepsTheTask) {
  run([] {
    Event go;
    std::atomic<bool> inner_done{false};
    Task outer = spawn([&] {
      Task inner = spawn([&] {
        this_task::Uncancellable guard;
        go.wait();
        inner_done = true;
      });
      try {
        inner.join();
        ADD_FAILURE() << "join() was not cancelled";
      } catch (const Cancelled&) {
        EXPECT_TRUE(inner);
        go.set();
        throw;
      }
    });
    this_task::sleep_for(2ms);
    outer.cancel();
    EXPECT_THROW(outer.join(), Cancelled);
    EXPECT_TRUE(inner_done.load());
  });
}

TEST_P(TaskTest, SleepLastsAsLongAsAsked) {
  run([] {
    const SteadyTime before = steady_now();
    this_task::sleep_for(5h);
    EXPECT_EQ(steady_now() - before, 5h);
  });
}

TEST_P(TaskTest, DetachedTaskRunsToItsEnd) {
  run([] {
    Event done;
    spawn([&] { done.set(); }).detach();
    EXPECT_TRUE(done.wait(Deadline::after(10s)));
  });
}

TEST_P(TaskTest, ManyTasks) {
  run([this] {
    const int n = on_fibers() ? 5'000 : 100;
    std::atomic<int> sum{0};
    std::vector<Task> tasks;
    for (int i = 0; i < n; ++i) {
      tasks.push_back(spawn([&sum, i] {
        this_task::yield();
        sum += i;
      }));
    }
    for (Task& task : tasks) task.join();
    EXPECT_EQ(sum.load(), n * (n - 1) / 2);
  });
}

// A fiber switch must carry the exception being handled, errno and the rounding mode with it.
TEST_P(TaskTest, ExceptionStateTravelsWithTheTask) {
  run([] {
    std::vector<Task> tasks;
    for (int i = 0; i < 8; ++i) {
      tasks.push_back(spawn([i] {
        for (int round = 0; round < 50; ++round) {
          try {
            throw std::runtime_error(std::to_string(i));
          } catch (const std::runtime_error&) {
            EXPECT_EQ(std::uncaught_exceptions(), 0);
            errno = 1000 + i;
            this_task::yield();
            EXPECT_EQ(errno, 1000 + i);
            try {
              throw;
            } catch (const std::runtime_error& again) {
              EXPECT_EQ(again.what(), std::to_string(i));
            }
          }
        }
      }));
    }
    for (Task& task : tasks) task.join();
  });
}

TEST(Runtime, FibersRunInTurn) {
  Runtime runtime;
  std::string order;
  runtime.run([&] {
    Task a = spawn([&] {
      order += 'a';
      this_task::yield();
      order += 'a';
    });
    Task b = spawn([&] {
      order += 'b';
      this_task::yield();
      order += 'b';
    });
    a.join();
    b.join();
  });
  EXPECT_EQ(order, "abab");
}

TEST(Runtime, RunRethrowsAndCanBeRepeated) {
  Runtime runtime;
  EXPECT_THROW(runtime.run([] { throw std::logic_error("x"); }), std::logic_error);
  bool ran = false;
  runtime.run([&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST(Runtime, SpawnFromAnotherThread) {
  Runtime runtime;
  runtime.run([&] {
    std::atomic<int> sum{0};
    std::thread other([&] {
      std::vector<Task> tasks;
      for (int i = 0; i < 100; ++i) tasks.push_back(runtime.spawn([&] { ++sum; }));
      for (Task& task : tasks) task.join();
    });
    while (sum.load() < 100) this_task::sleep_for(1ms);
    other.join();
    EXPECT_EQ(sum.load(), 100);
  });
}

}  // namespace
}  // namespace saola::runtime
