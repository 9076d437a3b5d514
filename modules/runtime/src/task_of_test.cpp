#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/task_of.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using TaskOfTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(TaskOfTest);
using JoinSetTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(JoinSetTest);

TEST_P(TaskOfTest, JoinGivesTheResultOrTheException) {
  run([] {
    TaskOf<int> number = spawn_result([] { return 42; }, {.name = "answer"});
    EXPECT_EQ(number.join(), 42);
    EXPECT_FALSE(number);
    auto only_moved = spawn_result([] { return std::make_unique<std::string>("moved"); });
    EXPECT_EQ(*only_moved.join(), "moved");
    auto throws = spawn_result([]() -> int { throw std::runtime_error("no"); });
    EXPECT_THROW(throws.join(), std::runtime_error);
  });
}

TEST_P(TaskOfTest, DeadlineCancelAndSelect) {
  run([] {
    Event go;
    auto slow = spawn_result([&] {
      go.wait();
      return std::string("slow");
    });
    EXPECT_EQ(slow.join(Deadline::after(1ms)), std::nullopt);
    EXPECT_EQ(select(Deadline::after(1ms), on_done(slow)), std::nullopt);
    go.set();
    EXPECT_EQ(select(Deadline::after(20s), on_done(slow)), 0U);
    EXPECT_TRUE(slow.done());
    EXPECT_EQ(slow.join(), "slow");
    auto cancelled = spawn_result([] {
      this_task::sleep_for(1h);
      return 1;
    });
    cancelled.cancel();
    EXPECT_THROW(cancelled.join(), Cancelled);
    // Dropped: cancelled and joined.
    auto dropped = spawn_result([] {
      this_task::sleep_for(1h);
      return 1;
    });
  });
}

TEST_P(JoinSetTest, ResultsComeInTheOrderOfCompletion) {
  run([] {
    JoinSet<int> set;
    Event events[3];
    for (int i = 0; i < 3; ++i) {
      set.spawn([&events, i] {
        events[i].wait();
        return i;
      });
    }
    EXPECT_EQ(set.next(Deadline::after(1ms)), std::nullopt);
    EXPECT_EQ(set.size(), 3U);
    for (const int i : {1, 2, 0}) {
      events[i].set();
      EXPECT_EQ(set.next(), i);
    }
    EXPECT_TRUE(set.empty());
    EXPECT_EQ(set.next(), std::nullopt);
  });
}

TEST_P(JoinSetTest, AnErrorIsThrownOnceAndTheOthersStay) {
  run([] {
    JoinSet<int> set({.limit = 2});
    for (int i = 0; i < 6; ++i) {
      set.spawn([i] {
        if (i == 3) throw std::runtime_error("three");
        return i;
      });
    }
    int sum = 0;
    int errors = 0;
    while (!set.empty()) {
      try {
        sum += set.next().value();
      } catch (const std::runtime_error&) {
        ++errors;
      }
    }
    EXPECT_EQ(sum, 0 + 1 + 2 + 4 + 5);
    EXPECT_EQ(errors, 1);
  });
}

TEST_P(JoinSetTest, FailsFastAndIsCancelled) {
  run([] {
    JoinSet<int> set({.on_error = TaskGroupOptions::OnError::kCancelRest});
    set.spawn([] {
      this_task::sleep_for(1h);
      return 1;
    });
    set.spawn([]() -> int { throw std::runtime_error("first"); });
    EXPECT_THROW(set.next(), std::runtime_error);
    EXPECT_THROW(set.next(), Cancelled);
    EXPECT_EQ(set.next(), std::nullopt);
    // What is left is cancelled and joined.
    JoinSet<int> dropped;
    dropped.spawn([] {
      this_task::sleep_for(1h);
      return 1;
    });
  });
}

TEST_P(JoinSetTest, IsABranchOfSelect) {
  run([] {
    JoinSet<int> set;
    Event go;
    set.spawn([&] {
      go.wait();
      return 5;
    });
    EXPECT_EQ(select(Deadline::after(1ms), on_next(set)), std::nullopt);
    go.set();
    EXPECT_EQ(select(Deadline::after(20s), on_next(set)), 0U);
    EXPECT_EQ(set.next(), 5);
    EXPECT_EQ(select(Deadline::after(20s), on_next(set)), 0U) << "nothing is left";
  });
}

}  // namespace
}  // namespace saola::runtime
