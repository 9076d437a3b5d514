#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/sync/condition.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/sync/semaphore.hpp>
#include <saola/runtime/sync/shared_mutex.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using SyncTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(SyncTest);

// Starts `body` and returns once it waits, or is about to: what it did before is visible.
// On a thread "about to" cannot be told from outside, so tests that depend on it allow for both.
Task start(std::move_only_function<void()> body) {
  auto started = std::make_shared<Event>();  // outlives whichever of the two is slower
  Task task = spawn([started, body = std::move(body)]() mutable {
    started->set();
    body();
  });
  started->wait();
  return task;
}

// ---- Mutex

TEST_P(SyncTest, MutexKeepsOthersOut) {
  run([this] {
    const int tasks = on_fibers() ? 50 : 8;
    Mutex mutex;
    int inside = 0;
    std::int64_t total = 0;
    std::vector<Task> all;
    for (int i = 0; i < tasks; ++i) {
      all.push_back(spawn([&] {
        for (int round = 0; round < 100; ++round) {
          std::lock_guard lock(mutex);
          EXPECT_EQ(++inside, 1);
          if (round % 10 == 0) this_task::yield();
          ++total;
          --inside;
        }
      }));
    }
    for (Task& task : all) task.join();
    EXPECT_EQ(total, tasks * 100);
    EXPECT_EQ(mutex.owner(), 0U);
  });
}

TEST_P(SyncTest, MutexIsHandedOverInOrder) {
  run([this] {
    Mutex mutex;
    std::vector<int> order;
    std::vector<Task> all;
    mutex.lock();
    for (int i = 0; i < 5; ++i) {
      all.push_back(start([&, i] {
        std::lock_guard lock(mutex);
        order.push_back(i);
      }));
      if (on_fibers()) this_task::yield();  // it is in the queue now
    }
    mutex.unlock();
    // The lock is already somebody's: a newcomer does not get past those who wait.
    if (on_fibers()) {
      EXPECT_FALSE(mutex.try_lock());
    }
    for (Task& task : all) task.join();
    EXPECT_EQ(order.size(), 5U);
    if (on_fibers()) {
      EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
    }
  });
}

TEST_P(SyncTest, MutexTimesOutAndStaysUsable) {
  run([] {
    Mutex mutex;
    mutex.lock();
    Task other = spawn([&] {
      EXPECT_FALSE(mutex.try_lock());
      const SteadyTime before = steady_now();
      EXPECT_FALSE(mutex.try_lock_until(Deadline::after(5s)));
      EXPECT_EQ(steady_now() - before, 5s);
    });
    other.join();
    mutex.unlock();
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
  });
}

TEST_P(SyncTest, MutexNamesItsOwner) {
  run([] {
    Mutex mutex;
    EXPECT_EQ(mutex.owner(), 0U);
    std::lock_guard lock(mutex);
    EXPECT_EQ(mutex.owner(), this_task::id());
  });
}

TEST_P(SyncTest, MutexIsNotEndedByCancel) {
  run([] {
    Mutex mutex;
    mutex.lock();
    bool locked = false;
    Task other = start([&] {
      std::lock_guard lock(mutex);
      locked = true;
    });
    other.cancel();
    this_task::yield();
    mutex.unlock();
    other.join();
    EXPECT_TRUE(locked);
  });
}

// unlock() with a waiter that had given up freed the lock and then still touched the Mutex, which
// the next holder may have destroyed.
TEST_P(SyncTest, MutexMayBeDestroyedByWhoLocksItNext) {
  run([this] {
    for (int round = 0; round < (on_fibers() ? 20 : 200); ++round) {
      auto mutex = std::make_unique<Mutex>();
      mutex->lock();
      Task gives_up = spawn([&] { EXPECT_FALSE(mutex->try_lock_until(Deadline::after(1us))); });
      gives_up.join();
      std::atomic<bool> go{false};
      Task last = spawn([&] {
        while (!go.load()) this_task::yield();
        mutex->lock();
        mutex->unlock();
        mutex.reset();
      });
      Mutex& mine = *mutex;
      go = true;
      mine.unlock();
      last.join();
    }
  });
}

TEST(SyncDeathTest, MutexRefusesItsHolder) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Mutex mutex;
        mutex.lock();
        mutex.lock();
      },
      "holds already");
}

// ---- SharedMutex

TEST_P(SyncTest, SharedMutexLetsReadersInTogether) {
  run([] {
    SharedMutex mutex;
    Latch both_in(2);
    const auto read = [&] {
      std::shared_lock lock(mutex);
      both_in.count_down();
      EXPECT_TRUE(both_in.wait(Deadline::after(10s)));
    };
    Task a = spawn(read);
    Task b = spawn(read);
    a.join();
    b.join();
    EXPECT_TRUE(mutex.try_lock());
    EXPECT_FALSE(mutex.try_lock_shared());
    mutex.unlock();
  });
}

TEST_P(SyncTest, SharedMutexWriterIsAlone) {
  run([this] {
    SharedMutex mutex;
    std::atomic<int> readers{0};
    std::atomic<int> writers{0};
    std::vector<Task> all;
    for (int i = 0; i < (on_fibers() ? 30 : 6); ++i) {
      all.push_back(spawn([&, i] {
        for (int round = 0; round < 50; ++round) {
          if ((i + round) % 3 == 0) {
            std::lock_guard lock(mutex);
            EXPECT_EQ(++writers, 1);
            EXPECT_EQ(readers.load(), 0);
            this_task::yield();
            --writers;
          } else {
            std::shared_lock lock(mutex);
            ++readers;
            EXPECT_EQ(writers.load(), 0);
            this_task::yield();
            --readers;
          }
        }
      }));
    }
    for (Task& task : all) task.join();
  });
}

TEST_P(SyncTest, SharedMutexWriterThatGivesUpLetsReadersIn) {
  run([] {
    SharedMutex mutex;
    mutex.lock_shared();
    Task writer = spawn([&] { EXPECT_FALSE(mutex.try_lock_until(Deadline::after(20ms))); });
    while (mutex.try_lock_shared()) {  // until the writer waits
      mutex.unlock_shared();
      this_task::yield();
    }
    Task reader = spawn([&] {
      EXPECT_TRUE(mutex.try_lock_shared_until(Deadline::after(10s)));
      mutex.unlock_shared();
    });
    writer.join();
    reader.join();
    EXPECT_FALSE(mutex.try_lock_until(Deadline::after(1ms)));
    mutex.unlock_shared();
    EXPECT_TRUE(mutex.try_lock());
    EXPECT_FALSE(mutex.try_lock_shared_until(Deadline::after(1ms)));
    mutex.unlock();
  });
}

// ---- Condition

TEST_P(SyncTest, ConditionWakesOneOrAll) {
  run([] {
    Mutex mutex;
    Condition condition;
    int tickets = 0;
    int served = 0;
    std::vector<Task> all;
    for (int i = 0; i < 4; ++i) {
      all.push_back(spawn([&] {
        std::unique_lock lock(mutex);
        EXPECT_TRUE(condition.wait(lock, Deadline::never(), [&] { return tickets > 0; }));
        --tickets;
        ++served;
      }));
    }
    {
      std::unique_lock lock(mutex);
      tickets = 1;
      condition.notify_one();
    }
    {
      std::unique_lock lock(mutex);
      tickets += 3;
      condition.notify_all();
    }
    for (Task& task : all) task.join();
    EXPECT_EQ(served, 4);
    EXPECT_EQ(tickets, 0);
  });
}

TEST_P(SyncTest, ConditionHoldsTheLockAfterDeadlineAndCancel) {
  run([] {
    Mutex mutex;
    Condition condition;
    {
      std::unique_lock lock(mutex);
      EXPECT_EQ(condition.wait(lock, Deadline::after(2ms)), Wake::kTimedOut);
      EXPECT_EQ(mutex.owner(), this_task::id());
      EXPECT_FALSE(condition.wait(lock, Deadline::after(2ms), [] { return false; }));
    }
    Task waiter = start([&] {
      std::unique_lock lock(mutex);
      EXPECT_EQ(condition.wait(lock), Wake::kCancelled);
      EXPECT_EQ(mutex.owner(), this_task::id());
      condition.wait(lock, Deadline::never(), [] { return false; });
    });
    waiter.cancel();
    EXPECT_THROW(waiter.join(), Cancelled);
    EXPECT_EQ(mutex.owner(), 0U);
  });
}

// ---- Semaphore

TEST_P(SyncTest, SemaphoreBoundsHowManyAreInside) {
  run([this] {
    Semaphore semaphore(3);
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::vector<Task> all;
    for (int i = 0; i < (on_fibers() ? 40 : 8); ++i) {
      all.push_back(spawn([&] {
        for (int round = 0; round < 20; ++round) {
          ASSERT_TRUE(semaphore.acquire());
          const int now = ++inside;
          EXPECT_LE(now, 3);
          int seen = most.load();
          while (seen < now && !most.compare_exchange_weak(seen, now)) {
          }
          this_task::yield();
          --inside;
          semaphore.release();
        }
      }));
    }
    for (Task& task : all) task.join();
    EXPECT_EQ(semaphore.available(), 3);
    if (on_fibers()) {
      EXPECT_EQ(most.load(), 3);
    }
  });
}

TEST_P(SyncTest, SemaphoreKeepsItsPermitsThroughDeadlinesAndCancels) {
  run([] {
    Semaphore semaphore(0);
    EXPECT_FALSE(semaphore.try_acquire());
    EXPECT_FALSE(semaphore.acquire(Deadline::after(2ms)));
    Task waiter = start([&] { semaphore.acquire(); });
    waiter.cancel();
    EXPECT_THROW(waiter.join(), Cancelled);
    semaphore.release(2);
    EXPECT_EQ(semaphore.available(), 2);
    EXPECT_TRUE(semaphore.acquire());
    EXPECT_TRUE(semaphore.try_acquire());
    EXPECT_EQ(semaphore.available(), 0);
  });
}

// ---- Event and Latch

TEST_P(SyncTest, EventStaysSetUntilReset) {
  run([] {
    Event event;
    EXPECT_FALSE(event.is_set());
    EXPECT_FALSE(event.wait(Deadline::after(2ms)));
    event.set();
    event.set();
    EXPECT_TRUE(event.wait());
    EXPECT_TRUE(event.wait(Deadline::after(Duration::zero())));
    event.reset();
    EXPECT_FALSE(event.wait(Deadline::after(1ms)));
  });
}

TEST_P(SyncTest, EventWakesEveryWaiterAndMayBeDestroyedByOne) {
  run([this] {
    for (int round = 0; round < 20; ++round) {
      auto event = std::make_unique<Event>();
      std::vector<Task> all;
      for (int i = 0; i < (on_fibers() ? 20 : 4); ++i) {
        all.push_back(spawn([&e = *event] { EXPECT_TRUE(e.wait()); }));
      }
      Task setter = spawn([&e = *event] { e.set(); });
      EXPECT_TRUE(event->wait());
      for (Task& task : all) task.join();
      event.reset();
      setter.join();
    }
  });
}

TEST_P(SyncTest, EventTellsACancel) {
  run([] {
    Event event;
    Task waiter = start([&] {
      EXPECT_EQ(event.wait_result(Deadline::never()), Wake::kCancelled);
      EXPECT_EQ(event.wait_result(Deadline::after(1ms), Cancellable::kNo), Wake::kTimedOut);
      event.wait();
    });
    waiter.cancel();
    EXPECT_THROW(waiter.join(), Cancelled);
  });
}

TEST_P(SyncTest, LatchOpensAtZero) {
  run([] {
    Latch none(0);
    EXPECT_TRUE(none.wait(Deadline::after(Duration::zero())));
    Latch latch(3);
    int value = 0;
    EXPECT_FALSE(latch.wait(Deadline::after(1ms)));
    latch.count_down(2);
    Task last = spawn([&] {
      value = 5;
      latch.count_down();
    });
    EXPECT_TRUE(latch.wait());
    EXPECT_EQ(value, 5);
    last.join();
  });
}

// Threads and fibers meet at the same primitives.
TEST(Sync, FibersAndThreadsShareThem) {
  LeakCheck leaks;
  Mutex mutex;
  Semaphore ping(0);
  Semaphore pong(0);
  std::int64_t total = 0;
  std::thread thread([&] {
    for (int i = 0; i < 500; ++i) {
      ping.acquire();
      {
        std::lock_guard lock(mutex);
        ++total;
      }
      pong.release();
    }
  });
  Runtime runtime;
  runtime.run([&] {
    Task other = spawn([&] {
      for (int i = 0; i < 500; ++i) {
        std::lock_guard lock(mutex);
        ++total;
        this_task::yield();
      }
    });
    for (int i = 0; i < 500; ++i) {
      ping.release();
      pong.acquire();
    }
    other.join();
  });
  thread.join();
  EXPECT_EQ(total, 1000);
}

}  // namespace
}  // namespace saola::runtime
