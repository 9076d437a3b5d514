// Who waits while the other end is cancelled, shut down, broken or slow; and what is destroyed where.
#include <atomic>
#include <memory>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/base/cores.hpp>
#include <saola/futures/wait.hpp>
#include <saola/runtime/sync/event.hpp>

#include "executor_models.hpp"

namespace saola::futures {
namespace {

using namespace std::chrono_literals;
using runtime::Event;
using ::testing::ElementsAre;

using WaitersTest = ExecutorTest;

INSTANTIATE_TEST_SUITE_P(Models, WaitersTest,
                         ::testing::Values(Model::kThreads, Model::kFibers,
                                           Model::kFibersAndThreads),
                         name_of);

// In virtual time a sleep ends when everybody else waits.
void let_others_wait() {
  runtime::this_task::sleep_for(1ms);
}

// An executor with one worker, which is busy until `go`, and a full queue.
struct Full {
  std::unique_ptr<Executor> pool;
  Event go;
  Future<void> busy;
  Future<int> queued;

  explicit Full(std::unique_ptr<Executor> its_pool) : pool(std::move(its_pool)) {
    busy = pool->submit([this] { go.wait(); });
    let_others_wait();
    queued = pool->submit([] { return 1; });
  }
};

TEST_P(WaitersTest, ACancelledTaskLeavesItsWaitForFutures) {
  in_model([] {
    Promise<int> promise;
    const std::vector futures{promise.future()};
    runtime::Task task = runtime::spawn([&] { wait(futures); });
    let_others_wait();
    task.cancel();
    EXPECT_THROW(task.join(), runtime::Cancelled);
    runtime::Task other = runtime::spawn([&] { as_completed(futures).next(); });
    let_others_wait();
    other.cancel();
    EXPECT_THROW(other.join(), runtime::Cancelled);
    promise.set_result(1);  // nobody is left to be told
    EXPECT_EQ(futures[0].result(), 1);
  });
}

TEST_P(WaitersTest, EveryWaiterOfOneFutureIsWoken) {
  in_model([] {
    Promise<int> promise;
    const auto future = promise.future();
    std::atomic<int> sum = 0;
    std::vector<runtime::Task> tasks;
    for (int i = 0; i < 3; ++i) tasks.push_back(runtime::spawn([&] { sum += future.result(); }));
    tasks.push_back(runtime::spawn([&] { sum += wait(std::vector{future}).done[0].result(); }));
    let_others_wait();
    promise.set_result(2);
    for (runtime::Task& task : tasks) task.join();
    EXPECT_EQ(sum, 8);
  });
}

TEST_P(WaitersTest, ShutdownWakesAllWhoWaitForRoom) {
  in_model([] {
    Full full(make(ExecutorOptions{.max_workers = 1, .max_queued = 1}));
    std::vector<runtime::Task> tasks;
    for (int i = 0; i < 2; ++i) {
      tasks.push_back(
          runtime::spawn([&] { EXPECT_THROW(full.pool->submit([] {}), ShutdownError); }));
    }
    let_others_wait();
    full.pool->begin_shutdown(OnShutdown::kCancelPending);
    for (runtime::Task& task : tasks) task.join();
    EXPECT_TRUE(full.queued.cancelled());
    EXPECT_EQ(full.pool->stats().queued, 0U);
    full.go.set();
    full.pool->shutdown();
  });
}

TEST_P(WaitersTest, ABrokenExecutorWakesAllWhoWaitForRoom) {
  in_model([] {
    ::testing::internal::CaptureStderr();
    Event go;
    auto pool = make(ExecutorOptions{.max_workers = 1,
                                     .initializer =
                                         [&] {
                                           go.wait();
                                           throw std::runtime_error("no licence");
                                         },
                                     .max_queued = 1});
    const auto queued = pool->submit([] { return 1; });
    std::vector<runtime::Task> tasks;
    for (int i = 0; i < 2; ++i) {
      tasks.push_back(runtime::spawn([&] { EXPECT_THROW(pool->submit([] {}), BrokenExecutor); }));
    }
    let_others_wait();
    go.set();
    for (runtime::Task& task : tasks) task.join();
    EXPECT_THROW(queued.result(), BrokenExecutor);
    pool->shutdown();
    ::testing::internal::GetCapturedStderr();
  });
}

TEST_P(WaitersTest, ACancelledSubmitterLeavesTheRoomToOthers) {
  in_model([] {
    Full full(make(ExecutorOptions{.max_workers = 1, .max_queued = 1}));
    runtime::Task first = runtime::spawn([&] { full.pool->submit([] { return 1; }); });
    let_others_wait();
    runtime::Task second =
        runtime::spawn([&] { EXPECT_EQ(full.pool->submit([] { return 2; }).result(), 2); });
    let_others_wait();
    first.cancel();
    EXPECT_THROW(first.join(), runtime::Cancelled);
    full.go.set();
    second.join();
  });
}

TEST_P(WaitersTest, ShutdownEndsEveryIdleWorker) {
  in_model([] {
    auto pool = make(3);
    Event go;
    std::vector<Future<void>> all;
    for (int i = 0; i < 3; ++i) all.push_back(pool->submit([&] { go.wait(); }));
    let_others_wait();
    EXPECT_EQ(pool->stats().workers, 3U);
    go.set();
    wait(all);
    let_others_wait();
    EXPECT_EQ(pool->stats().idle, 3U);
    pool->shutdown();
    EXPECT_EQ(pool->stats().workers, 0U);
  });
}

TEST_P(WaitersTest, ARequestToStopAfterTheEndIsRefused) {
  in_model([] {
    auto pool = make(1);
    const auto ended = pool->submit([](const std::stop_token&) { return 1; });
    EXPECT_EQ(ended.result(), 1);
    EXPECT_FALSE(ended.request_stop());
  });
}

// While one thread is inside set_result(), the future is running to everybody else.
TEST_P(WaitersTest, NobodyComesBetweenTheHalvesOfSetResult) {
  struct Slow {
    Slow(Event& begun, Event& go) {
      begun.set();
      go.wait();
    }
  };
  in_model([] {
    Event begun;
    Event go;
    Promise<Slow> slow;
    const auto future = slow.future();
    runtime::Task setter = runtime::spawn([&] { slow.set_result(begun, go); });
    begun.wait();
    EXPECT_TRUE(future.running());
    EXPECT_FALSE(future.done());
    EXPECT_FALSE(future.cancel());
    EXPECT_THROW(slow.set_exception(std::make_exception_ptr(1)), InvalidStateError);
    EXPECT_THROW(slow.set_result(begun, go), InvalidStateError);
    go.set();
    setter.join();
    EXPECT_TRUE(future.done());
    EXPECT_EQ(future.exception(), nullptr);
  });
}

// A result whose future nobody keeps is destroyed by the worker, outside of the pool's lock.
TEST_P(WaitersTest, AnUnwantedResultMayUseItsPoolAsItGoes) {
  struct Asks {
    Executor* pool = nullptr;
    Event* gone = nullptr;
    Asks(Executor& p, Event& g) : pool(&p), gone(&g) {}
    Asks(Asks&& other) noexcept : pool(std::exchange(other.pool, nullptr)), gone(other.gone) {}
    ~Asks() {
      if (pool == nullptr) return;
      (void)pool->stats();
      pool->submit([g = gone] { g->set(); });
    }
  };
  in_model([] {
    auto pool = make(1);
    Event gone;
    Executor& its_pool = *pool;
    pool->submit([&] { return Asks(its_pool, gone); });
    EXPECT_TRUE(gone.wait(Deadline::after(10s)));
    let_others_wait();
  });
}

TEST_P(WaitersTest, AMapThatIsDroppedCancelsWhatHasNotBegun) {
  in_model([] {
    auto pool = make(1);
    std::atomic<int> ran = 0;
    Event go;
    {
      auto mapped = pool->map(
          [&](int n) {
            ++ran;
            go.wait();
            return n;
          },
          std::vector{1, 2, 3});
      let_others_wait();
    }
    go.set();
    pool->shutdown();
    EXPECT_EQ(ran, 1);
  });
}

TEST_P(WaitersTest, ThereAreAsManyWorkersAsInPython) {
  in_model([] {
    auto pool = make(0);
    Event go;
    std::vector<Future<void>> all;
    for (int i = 0; i < 40; ++i) all.push_back(pool->submit([&] { go.wait(); }));
    EXPECT_EQ(pool->stats().workers, std::min<std::size_t>(32, allowed_cores() + 4));
    go.set();
    wait(all);
  });
}

// One worker more than there is for each level of a nest, and none while another can run the work.
TEST_P(WaitersTest, OnlyADeadlockAddsAWorker) {
  in_model([] {
    ::testing::internal::CaptureStderr();
    auto one = make(1);
    std::function<int(int)> nest = [&](int n) {
      return n == 0 ? 0 : one->submit(nest, n - 1).result() + 1;
    };
    EXPECT_EQ(one->submit(nest, 3).result(), 3);
    EXPECT_EQ(one->stats().grown, 3U);
    auto two = make(2);
    EXPECT_EQ(two->submit([&] { return two->submit([] { return 1; }).result(); }).result(), 1);
    EXPECT_EQ(two->stats().grown, 0U);
    // All but one wait: that one will come to it.
    Event go;
    const auto busy = two->submit([&] { go.wait(); });
    const auto outer = two->submit([&] { return two->submit([] { return 2; }).result(); });
    let_others_wait();
    EXPECT_EQ(two->stats().grown, 0U);
    go.set();
    EXPECT_EQ(outer.result(), 2);
    busy.result();
    ::testing::internal::GetCapturedStderr();
  });
}

TEST_P(WaitersTest, AnAddedWorkerThatIsIdleEndsWithTheDeadlock) {
  in_model([] {
    ::testing::internal::CaptureStderr();
    auto pool = make(1);
    Event go;
    const auto outer = pool->submit([&] {
      const auto inner = pool->submit([] { return 1; });
      const int result = inner.result();
      go.wait();
      return result;
    });
    let_others_wait();
    EXPECT_EQ(pool->stats().grown, 1U);
    EXPECT_EQ(pool->stats().workers, 1U) << "the one that waits no more, and nobody idle";
    go.set();
    EXPECT_EQ(outer.result(), 1);
    ::testing::internal::GetCapturedStderr();
  });
}

TEST_P(WaitersTest, AsCompletedHandsOutInTheOrderOfTheEnds) {
  in_model([] {
    std::vector<Promise<int>> promises(3);
    std::vector<Future<int>> futures;
    for (const auto& promise : promises) futures.push_back(promise.future());
    auto completed = as_completed(futures);
    for (const int i : {1, 0, 2}) promises[static_cast<std::size_t>(i)].set_result(i);
    std::vector<int> order;
    while (const auto future = completed.next()) order.push_back(future->result());
    EXPECT_THAT(order, ElementsAre(1, 0, 2));
  });
}

TEST_P(WaitersTest, TheFirstExceptionEndsAWaitNotTheFirstResult) {
  in_model([] {
    Promise<int> good;
    Promise<int> bad;
    Promise<int> late;
    const std::vector futures{good.future(), bad.future(), late.future()};
    bool ended = false;
    WaitResult<int> seen;
    runtime::Task task = runtime::spawn([&] {
      seen = wait(futures, Deadline::never(), ReturnWhen::kFirstException);
      ended = true;
    });
    let_others_wait();
    good.set_result(1);
    let_others_wait();
    EXPECT_FALSE(ended);
    bad.set_exception(std::make_exception_ptr(std::runtime_error("x")));
    task.join();
    EXPECT_THAT(seen.done, ElementsAre(futures[0], futures[1]));
    EXPECT_THAT(seen.not_done, ElementsAre(futures[2]));
    late.set_result(1);
  });
}

}  // namespace
}  // namespace saola::futures
