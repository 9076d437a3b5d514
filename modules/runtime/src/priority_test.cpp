#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/runtime.hpp>

#include "monitor/test_hog.hpp"

namespace saola::runtime {
namespace {

// What ran, in order: one letter for each turn of a fiber of that class.
std::string turns_of(std::vector<std::pair<char, Priority>> fibers, int turns) {
  std::string out;
  Runtime runtime;
  runtime.run([&] {
    std::vector<Task> tasks;
    for (const auto& [letter, priority] : fibers) {
      tasks.push_back(spawn(
          [&, letter = letter] {
            for (int i = 0; i < turns; ++i) {
              out += letter;
              this_task::yield();
            }
          },
          {.priority = priority}));
    }
    for (Task& task : tasks) task.join();
  });
  return out;
}

TEST(Priority, HigherClassRunsFirst) {
  EXPECT_EQ(turns_of({{'l', Priority::kLow}, {'n', Priority::kNormal}, {'h', Priority::kHigh}}, 1),
            "hnl");
}

TEST(Priority, OneClassRunsInTurn) {
  EXPECT_EQ(turns_of({{'a', Priority::kHigh}, {'b', Priority::kHigh}}, 3), "ababab");
}

// Of 64 contended picks the class below the highest has 7, the lowest one.
TEST(Priority, LowerClassesAreSlowNotStarved) {
  const std::string out =
      turns_of({{'h', Priority::kHigh}, {'n', Priority::kNormal}, {'l', Priority::kLow}}, 64);
  const std::string first = out.substr(0, 64);
  EXPECT_NEAR(static_cast<double>(std::ranges::count(first, 'n')), 7, 1);
  EXPECT_NEAR(static_cast<double>(std::ranges::count(first, 'l')), 1, 1);
}

TEST(Priority, UrgentTimerIsNotLateBehindBusyFibers) {
  Duration latest{};
  Runtime runtime;
  runtime.run([&] {
    bool stop = false;
    std::vector<Task> busy;
    for (int i = 0; i < 50; ++i) {
      busy.push_back(spawn(
          [&] {
            while (!stop) {
              burn_cpu_for(1ms);
              this_task::yield();
            }
          },
          {.placement = Placement::kFiber}));
    }
    Task urgent = spawn(
        [&] {
          for (int i = 0; i < 10; ++i) {
            const SteadyTime due = std::chrono::steady_clock::now() + 2ms;
            this_task::sleep_until(Deadline::at(due));
            latest = std::max<Duration>(latest, std::chrono::steady_clock::now() - due);
          }
          stop = true;
        },
        {.placement = Placement::kFiber, .priority = Priority::kHigh});
    urgent.join();
    for (Task& task : busy) task.join();
  });
  EXPECT_LT(latest, 40ms);  // a whole round takes 50
}

}  // namespace
}  // namespace saola::runtime
