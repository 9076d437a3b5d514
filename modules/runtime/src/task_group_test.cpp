#include <signal.h>

#include <atomic>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <saola/runtime/process.hpp>
#include <saola/runtime/signals.hpp>
#include <saola/runtime/task_group.hpp>
#include <saola/runtime/task_local.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using TaskGroupTest = BothModels;
SAOLA_BOTH_MODELS(TaskGroupTest);
using ProcessTest = BothModels;
SAOLA_BOTH_MODELS(ProcessTest);

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

TaskLocal<std::string> local_text;

TEST_P(TaskGroupTest, LocalsAreOfTheTask) {
  run([] {
    *local_text = "outer";
    TaskGroup group;
    for (int i = 0; i < 4; ++i) {
      group.spawn([i] {
        EXPECT_EQ(*local_text, "");
        *local_text = std::to_string(i);
        this_task::yield();
        EXPECT_EQ(*local_text, std::to_string(i));
      });
    }
    group.join();
    EXPECT_EQ(*local_text, "outer");
  });
}

TEST_P(ProcessTest, ExitCodeAndSignal) {
  run([] {
    auto child = Process::start({"sh", "-c", "exit 7"});
    ASSERT_TRUE(child.has_value()) << child.error().message();
    auto end = child->wait(Deadline::after(10s));
    ASSERT_TRUE(end.has_value()) << end.error().message();
    EXPECT_FALSE(end->signalled);
    EXPECT_EQ(end->code, 7);
    EXPECT_EQ(child->send_signal(SIGTERM).error().code(), ErrorCode::kNotFound);

    auto sleeper = Process::start({"sleep", "1000"});
    ASSERT_TRUE(sleeper.has_value());
    EXPECT_EQ(sleeper->wait(Deadline::after(5ms)).error().code(), ErrorCode::kTimedOut);
    ASSERT_TRUE(sleeper->send_signal(SIGTERM).has_value());
    end = sleeper->wait(Deadline::after(10s));
    ASSERT_TRUE(end.has_value());
    EXPECT_TRUE(end->signalled);
    EXPECT_EQ(end->code, SIGTERM);
  });
}

TEST_P(ProcessTest, UnknownProgramIsAnError) {
  run([] {
    const auto child = Process::start({"no-such-program-anywhere"});
    ASSERT_FALSE(child.has_value());
    EXPECT_EQ(child.error().code(), ErrorCode::kNotFound);
  });
}

TEST_P(ProcessTest, SignalIsWaitedFor) {
  run([] {
    SignalSet signals({SIGUSR2});
    EXPECT_EQ(signals.wait(Deadline::after(1ms)).error().code(), ErrorCode::kTimedOut);
    // To this thread, where it is blocked: other threads of the test do not block it.
    ::pthread_kill(::pthread_self(), SIGUSR2);
    const auto got = signals.wait(Deadline::after(10s));
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(*got, SIGUSR2);
  });
}

}  // namespace
}  // namespace saola::runtime
