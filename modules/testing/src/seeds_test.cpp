#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/runtime.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/sync/queue.hpp>
#include <saola/runtime/task_group.hpp>
#include <saola/testing/seeds.hpp>
#include <saola/testing/virtual_time.hpp>

namespace saola::testing {
namespace {

using namespace std::chrono_literals;
using runtime::Runtime;
using runtime::spawn;
using runtime::Task;
using runtime::TaskGroup;
namespace this_task = runtime::this_task;

class ReplayedSeed {
 public:
  explicit ReplayedSeed(std::uint64_t seed) {
    ::setenv("SAOLA_TEST_SEED", std::to_string(seed).c_str(), 1);
  }
  ~ReplayedSeed() { ::unsetenv("SAOLA_TEST_SEED"); }
};

// A deposit that reads the balance, asks an auditor (which suspends) and writes. The first gets there
// before the second has read, so long as fibers run in turn: no plain run loses it.
void deposit_twice() {
  int balance = 0;
  const auto deposit = [&] {
    const int seen = balance;
    this_task::yield();
    balance = seen + 1;
  };
  Task first = spawn(deposit);
  Task second = spawn([&] {
    this_task::yield();
    this_task::yield();
    deposit();
  });
  first.join();
  second.join();
  if (balance != 2) throw std::logic_error("a deposit was lost");
}

TEST(Seeds, FindALostUpdateAndReplayIt) {
  for (int i = 0; i < 100; ++i) {
    Runtime runtime;
    EXPECT_NO_THROW(runtime.run(deposit_twice)) << "without a seed";
  }
  std::uint64_t seed = 0;
  try {
    for_seeds(50, [](std::uint64_t) { deposit_twice(); });
    FAIL() << "the race was not found";
  } catch (const SeedFailed& failed) {
    seed = failed.seed();
    const std::string number = std::to_string(seed);
    EXPECT_EQ(failed.what(), "seed " + number + " of 50: a deposit was lost\n" +
                                 "Replay it alone: SAOLA_TEST_SEED=" + number);
    EXPECT_THROW(std::rethrow_if_nested(failed), std::logic_error);
  }
  for (std::uint64_t passing = 1; passing < seed; ++passing) {
    const ReplayedSeed replayed(passing);
    EXPECT_NO_THROW(for_seeds(50, [](std::uint64_t) { deposit_twice(); }));
  }
  const ReplayedSeed replayed(seed);
  for (int i = 0; i < 20; ++i) {
    int runs = 0;
    EXPECT_THROW(for_seeds(50,
                           [&](std::uint64_t of) {
                             EXPECT_EQ(of, seed);
                             ++runs;
                             deposit_twice();
                           }),
                 SeedFailed);
    EXPECT_EQ(runs, 1);
  }
}

// The example of docs/testing.md.
class Account {
 public:
  void deposit(int amount) {
    const std::lock_guard lock(mutex_);
    const int seen = balance_;
    this_task::yield();  // where the auditor is asked
    balance_ = seen + amount;
  }
  int balance() const { return balance_; }

 private:
  runtime::Mutex mutex_;
  int balance_ = 0;
};

TEST(Account, KeepsEveryDeposit) {
  testing::for_seeds(100, [](std::uint64_t) {
    Account account;
    runtime::TaskGroup group;
    for (int i = 0; i < 3; ++i) group.spawn([&] { account.deposit(1); });
    group.join();
    if (account.balance() != 3) throw std::logic_error("a deposit was lost");
  });
}

// Every kind of reason to switch.
std::vector<std::uint64_t> trace_of(std::uint64_t seed) {
  const VirtualTime time;
  const SeededSchedule schedule(seed);
  {
    Runtime runtime({.on_stall = runtime::StallPolicy::kIgnore});
    runtime.run([] {
      runtime::Mutex mutex;
      runtime::Queue<int> queue(2);
      TaskGroup group;
      for (int i = 0; i < 4; ++i) {
        group.spawn([&, i] {
          for (int round = 0; round < 5; ++round) {
            const std::lock_guard lock(mutex);
            this_task::yield();
            this_task::sleep_for(Duration(round % 2 * i));
            this_task::sleep_for(0ns);
            EXPECT_TRUE(queue.push(round));
          }
        });
      }
      group.spawn([&] {
        for (int i = 0; i < 20; ++i) EXPECT_TRUE(queue.pop());
      });
      Task cancelled = spawn([] { this_task::sleep_for(1h); });
      this_task::yield();
      cancelled.cancel();
      group.join();
    });
  }
  return schedule.trace();
}

TEST(Seeds, SameSeedSameOrder) {
  std::set<std::vector<std::uint64_t>> different;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const auto trace = trace_of(seed);
    EXPECT_GT(trace.size(), 50U);
    EXPECT_EQ(trace, trace_of(seed)) << "seed " << seed;
    EXPECT_EQ(trace, trace_of(seed)) << "seed " << seed;
    different.insert(trace);
  }
  EXPECT_EQ(different.size(), 40U);
}

TEST(Seeds, EachReadyFiberMayBeTheNext) {
  std::set<int> firsts;
  for_seeds(100, [&](std::uint64_t) {
    int first = -1;
    TaskGroup group;
    for (int i = 0; i < 6; ++i) {
      group.spawn([&, i] { first = first < 0 ? i : first; },
                  {.priority = i < 3 ? runtime::Priority::kHigh : runtime::Priority::kLow});
    }
    group.join();
    firsts.insert(first);
  });
  EXPECT_EQ(firsts.size(), 6U);
}

TEST(Seeds, AFailureThatWasNotThrownIsAskedFor) {
  int runs = 0;
  try {
    for_seeds(10, [&](std::uint64_t) { ++runs; }, {.failed = [&] { return runs == 3; }});
    FAIL() << "the failure was not seen";
  } catch (const SeedFailed& failed) {
    EXPECT_EQ(failed.seed(), 3U);
  }
}

TEST(Seeds, AReplayOfNoNumberIsRefused) {
  ::setenv("SAOLA_TEST_SEED", "1x", 1);
  EXPECT_THROW(for_seeds(1, [](std::uint64_t) {}), std::invalid_argument);
  ::unsetenv("SAOLA_TEST_SEED");
}

TEST(Seeds, TasksThatWaitForEachOtherFail) {
  EXPECT_THROW(for_seeds(1,
                         [](std::uint64_t) {
                           runtime::Event never;
                           never.wait(Deadline::never());
                         }),
               SeedFailed);
}

TEST(SeedsDeathTest, LocksTakenInTwoOrdersAreFound) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto run = [] {
    for_seeds(50, [](std::uint64_t) {
      runtime::Mutex a;
      runtime::Mutex b;
      const auto both = [](runtime::Mutex& first, runtime::Mutex& second) {
        const std::lock_guard outer(first);
        this_task::yield();
        const std::lock_guard inner(second);
      };
      Task one = spawn([&] { both(a, b); });
      Task other = spawn([&] { both(b, a); });
      one.join();
      other.join();
    });
  };
  EXPECT_DEATH(run(), "a deadlock(.|\n)*seed [0-9]+ was running; replay: SAOLA_TEST_SEED=[0-9]+");
}

// ---- Thefts.

// Who overlaps with others although it does not suspend: a rescued fiber, and it alone.
void count_without_a_lock() {
  std::atomic<int> count{0};
  TaskGroup group;
  for (int i = 0; i < 3; ++i) {
    group.spawn([&] {
      for (int round = 0; round < 5; ++round) {
        const int seen = count.load();
        const SteadyTime until = real_clock().steady_now() + 200us;
        while (real_clock().steady_now() < until) {
        }
        count.store(seen + 1);
        this_task::yield();
      }
    });
  }
  group.join();
  if (count.load() != 15) throw std::logic_error("an increment was lost");
}

TEST(Seeds, TheftsFindWhatARescueWouldBreak) {
  EXPECT_NO_THROW(for_seeds(3, [](std::uint64_t) { count_without_a_lock(); }));
  EXPECT_THROW(for_seeds(100, [](std::uint64_t) { count_without_a_lock(); },
                         {.schedule = {.slices_per_theft = 2}}),
               SeedFailed);
}

TEST(Seeds, TheftsBreakNothingThatIsLocked) {
  std::set<pid_t> threads;
  for_seeds(20,
            [&](std::uint64_t) {
              runtime::Mutex mutex;
              runtime::Queue<int> queue(2);
              int count = 0;
              TaskGroup group;
              for (int i = 0; i < 4; ++i) {
                group.spawn([&] {
                  for (int round = 0; round < 10; ++round) {
                    const std::lock_guard lock(mutex);
                    const int seen = count;
                    this_task::sleep_for(1ms);
                    count = seen + 1;
                    threads.insert(::gettid());
                    EXPECT_TRUE(queue.push(seen));
                  }
                });
              }
              int sum = 0;
              for (int i = 0; i < 40; ++i) sum += *queue.pop();
              group.join();
              EXPECT_EQ(count, 40);
              EXPECT_EQ(sum, 39 * 40 / 2);
            },
            {.schedule = {.slices_per_theft = 3},
             .failed = [] { return ::testing::Test::HasFailure(); }});
  EXPECT_GT(threads.size(), 20U) << "the loop was not stolen";
}

}  // namespace
}  // namespace saola::testing
