// The primitives in orders that no plain run has: fibers in any order, waits that end by a deadline or
// a cancel in the moment in which they are notified, with and without thefts of the loop.
#include <atomic>
#include <mutex>
#include <random>

#include <gtest/gtest.h>

#include <saola/runtime/runtime.hpp>
#include <saola/runtime/select.hpp>
#include <saola/runtime/sync/condition.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/sync/queue.hpp>
#include <saola/runtime/sync/semaphore.hpp>
#include <saola/runtime/sync/shared_mutex.hpp>
#include <saola/runtime/task_group.hpp>
#include <saola/testing/seeds.hpp>

namespace saola::runtime {
namespace {

using saola::testing::for_seeds;

class SeededTest : public ::testing::TestWithParam<int> {
 protected:
  static void run(std::function<void(std::minstd_rand)> body) {
    for_seeds(kSeeds,
              [&](std::uint64_t seed) {
                body(std::minstd_rand(static_cast<std::minstd_rand::result_type>(seed)));
              },
              {.schedule = {.slices_per_theft = GetParam()},
               .failed = [] { return ::testing::Test::HasFailure(); }});
  }
  static constexpr std::uint64_t kSeeds = 40;
};

INSTANTIATE_TEST_SUITE_P(Seeds, SeededTest, ::testing::Values(0, 4), [](const auto& param_info) {
  return std::string(param_info.param == 0 ? "NoThefts" : "Thefts");
});

// Of few enough values that several end at one moment.
Deadline soon(std::minstd_rand& random) {
  return Deadline::after(Duration(random() % 4));
}

TEST_P(SeededTest, EveryItemOfAQueueIsTakenOnce) {
  run([](std::minstd_rand random) {
    Queue<int> queue(2);
    Queue<int> other(1);
    int pushed = 0;
    std::atomic<int> taken{0};
    TaskGroup producers;
    TaskGroup consumers;
    Mutex mutex;
    for (int p = 0; p < 3; ++p) {
      producers.spawn([&, own = std::minstd_rand(random())]() mutable {
        for (int i = 0; i < 6; ++i) {
          Queue<int>& to = own() % 2 == 0 ? queue : other;
          const bool in = to.push(1, soon(own)).has_value();
          this_task::sleep_until(soon(own));
          const std::lock_guard lock(mutex);
          pushed += in ? 1 : 0;
        }
      });
    }
    for (int c = 0; c < 3; ++c) {
      consumers.spawn([&, own = std::minstd_rand(random())]() mutable {
        for (;;) {
          std::optional<int> a;
          std::optional<int> b;
          const auto which = select(soon(own), on_pop(queue, a), on_pop(other, b));
          if (!which) continue;
          if (a || b) ++taken;
          if (!a && !b) return;  // closed
        }
      });
    }
    producers.join();
    queue.close();
    other.close();
    consumers.join();
    // A closed queue still gives what is in it.
    while (queue.pop()) ++taken;
    while (other.pop()) ++taken;
    EXPECT_EQ(taken, pushed);
  });
}

TEST_P(SeededTest, LocksExcludeAndLoseNoPermit) {
  run([](std::minstd_rand random) {
    SharedMutex shared;
    Semaphore permits(2);
    std::atomic<int> readers{0};
    std::atomic<int> writers{0};
    std::atomic<int> holders{0};
    TaskGroup group;
    for (int t = 0; t < 5; ++t) {
      group.spawn([&, own = std::minstd_rand(random())]() mutable {
        for (int i = 0; i < 6; ++i) {
          if (own() % 2 == 0) {
            if (shared.try_lock_until(soon(own))) {
              EXPECT_EQ(++writers, 1);
              EXPECT_EQ(readers, 0);
              this_task::sleep_until(soon(own));
              --writers;
              shared.unlock();
            }
          } else if (shared.try_lock_shared_until(soon(own))) {
            ++readers;
            EXPECT_EQ(writers, 0);
            this_task::yield();
            --readers;
            shared.unlock_shared();
          }
          if (permits.acquire(soon(own))) {
            EXPECT_LE(++holders, 2);
            this_task::sleep_until(soon(own));
            --holders;
            permits.release();
          }
        }
      });
    }
    group.join();
    EXPECT_EQ(permits.available(), 2);
    EXPECT_TRUE(shared.try_lock());
    shared.unlock();
  });
}

TEST_P(SeededTest, ACancelComesOnceWhateverElseComes) {
  run([](std::minstd_rand random) {
    Mutex mutex;
    Condition changed;
    Event bell;
    int ended = 0;
    std::vector<Task> tasks;
    for (int t = 0; t < 4; ++t) {
      tasks.push_back(spawn([&, own = std::minstd_rand(random())]() mutable {
        const auto count = [&] {
          const this_task::Uncancellable guard;
          const std::lock_guard lock(mutex);
          ++ended;
        };
        try {
          for (;;) {
            bell.wait(soon(own));
            std::unique_lock lock(mutex);
            changed.wait(lock, soon(own));
            changed.notify_all();
          }
        } catch (const Cancelled&) {
          count();
          throw;
        }
      }));
    }
    for (Task& task : tasks) {
      this_task::sleep_until(soon(random));
      bell.set();
      task.cancel();
      bell.reset();
    }
    for (Task& task : tasks) EXPECT_THROW(task.join(), Cancelled);
    EXPECT_EQ(ended, 4);
  });
}

}  // namespace
}  // namespace saola::runtime
