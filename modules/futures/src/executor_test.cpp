#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/futures/wait.hpp>
#include <saola/runtime/sync/event.hpp>

#include "executor_models.hpp"

namespace saola::futures {
namespace {

using namespace std::chrono_literals;
using runtime::Event;
using runtime::Latch;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(Models, ExecutorTest,
                         ::testing::Values(Model::kThreads, Model::kFibers,
                                           Model::kFibersAndThreads),
                         name_of);

TEST_P(ExecutorTest, ResultsExceptionsAndArguments) {
  in_model([] {
    auto pool = make(2);
    EXPECT_EQ(pool->submit([] { return 42; }).result(), 42);
    EXPECT_EQ(
        pool->submit([](int a, const std::string& b) { return b + std::to_string(a); }, 7, "n")
            .result(),
        "n7");
    pool->submit([] {}).result();
    const auto failed = pool->submit([]() -> int { throw std::runtime_error("broken"); });
    EXPECT_THROW(failed.result(), std::runtime_error);
    EXPECT_THROW(failed.result(), std::runtime_error) << "as often as asked";
    EXPECT_NE(failed.exception(), nullptr);
    EXPECT_TRUE(failed.done());
    EXPECT_FALSE(failed.cancelled());
    EXPECT_EQ(pool->submit([] { return 1; }).exception(), nullptr);
    auto moved = pool->submit([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(5));
    EXPECT_EQ(*moved.take(), 5);
  });
}

TEST_P(ExecutorTest, StatesAndCancel) {
  in_model([] {
    auto pool = make(1);
    Event begun;
    Event go;
    const auto first = pool->submit([&] {
      begun.set();
      go.wait();
      return 1;
    });
    const auto second = pool->submit([] { return 2; });
    begun.wait();
    EXPECT_TRUE(first.running());
    EXPECT_FALSE(first.done());
    EXPECT_FALSE(first.cancel()) << "it runs";
    EXPECT_FALSE(second.running());
    EXPECT_TRUE(second.cancel());
    EXPECT_TRUE(second.cancel()) << "cancelled already";
    EXPECT_TRUE(second.cancelled());
    EXPECT_TRUE(second.done());
    EXPECT_THROW(second.result(), CancelledError);
    EXPECT_THROW(second.exception(), CancelledError);
    go.set();
    EXPECT_EQ(first.result(), 1);
    EXPECT_FALSE(first.cancel()) << "it ended";
    EXPECT_FALSE(first.running());
    EXPECT_EQ(pool->submit([] { return 3; }).result(), 3)
        << "the worker went past the cancelled one";
  });
}

TEST_P(ExecutorTest, TimeOutLeavesTheWorkRunning) {
  in_model([] {
    auto pool = make(1);
    Event go;
    const auto future = pool->submit([&] {
      go.wait();
      return 1;
    });
    EXPECT_THROW(future.result(Deadline::after(1ms)), TimeoutError);
    EXPECT_THROW(future.exception(Deadline::after(1ms)), TimeoutError);
    EXPECT_EQ(future.wait(Deadline::after(1ms)).error().code(), ErrorCode::kTimedOut);
    EXPECT_FALSE(future.done());
    go.set();
    EXPECT_EQ(future.result(), 1);
  });
}

TEST_P(ExecutorTest, CallbacksRunInOrderAndTheirExceptionsStay) {
  in_model([] {
    auto pool = make(1);
    Event go;
    Event called;
    std::vector<int> order;
    const auto future = pool->submit([&] {
      go.wait();
      return 7;
    });
    future.add_done_callback([&](const Future<int>& f) {
      EXPECT_TRUE(f.done());
      order.push_back(1);
    });
    future.add_done_callback([](const Future<int>&) { throw std::runtime_error("callback"); });
    future.add_done_callback([&](const Future<int>& f) {
      order.push_back(f.result());
      called.set();
    });
    ::testing::internal::CaptureStderr();
    go.set();
    called.wait();
    EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("callback"));
    EXPECT_THAT(order, ElementsAre(1, 7));
    bool at_once = false;
    future.add_done_callback([&](const Future<int>&) { at_once = true; });
    EXPECT_TRUE(at_once);
  });
}

TEST_P(ExecutorTest, CancelRunsCallbacks) {
  in_model([] {
    auto pool = make(1);
    Event go;
    pool->submit([&] { go.wait(); });
    const auto waiting = pool->submit([] {});
    bool cancelled = false;
    waiting.add_done_callback([&](const Future<void>& f) { cancelled = f.cancelled(); });
    EXPECT_TRUE(waiting.cancel());
    EXPECT_TRUE(cancelled);
    go.set();
  });
}

TEST_P(ExecutorTest, RequestStopReachesRunningWork) {
  in_model([] {
    auto pool = make(1);
    Event begun;
    const auto running = pool->submit([&](const std::stop_token& stop) {
      Event asked;
      const std::stop_callback on_stop(stop, [&] { asked.set(); });
      begun.set();
      asked.wait();
      return stop.stop_requested();
    });
    const auto deaf = pool->submit([&] { return 1; });
    begun.wait();
    EXPECT_TRUE(running.request_stop());
    EXPECT_TRUE(running.result());
    EXPECT_EQ(deaf.result(), 1);
    EXPECT_FALSE(deaf.request_stop());
    Event go;
    Event busy;
    const auto no_token = pool->submit([&] {
      busy.set();
      go.wait();
    });
    const auto pending = pool->submit([](const std::stop_token&) { return 1; });
    busy.wait();
    EXPECT_FALSE(no_token.request_stop());
    EXPECT_TRUE(pending.request_stop()) << "what has not begun is cancelled";
    EXPECT_TRUE(pending.cancelled());
    go.set();
    no_token.result();  // it uses go, which ends before the pool
  });
}

TEST_P(ExecutorTest, FirstInFirstOut) {
  in_model([] {
    auto pool = make(1);
    std::vector<int> order;
    std::vector<Future<void>> futures;
    for (int i = 0; i < 20; ++i)
      futures.push_back(pool->submit([&order, i] { order.push_back(i); }));
    wait(futures);
    ASSERT_EQ(order.size(), 20U);
    EXPECT_TRUE(std::ranges::is_sorted(order));
  });
}

TEST_P(ExecutorTest, WorkersAreStartedLazilyAndReused) {
  in_model([] {
    auto pool = make(4);
    EXPECT_EQ(pool->stats().workers, 0U);
    pool->submit([] {}).result();
    EXPECT_EQ(pool->stats().workers, 1U);
    Latch all(4);
    Event go;
    std::atomic<int> begun = 0;
    std::vector<Future<void>> futures;
    for (int i = 0; i < 8; ++i) {
      futures.push_back(pool->submit([&] {
        if (++begun <= 4) all.count_down();
        go.wait();
      }));
    }
    all.wait();
    EXPECT_EQ(pool->stats().workers, 4U);
    EXPECT_EQ(pool->stats().queued, 4U);
    go.set();
    wait(futures);
    EXPECT_EQ(pool->stats().workers, 4U);
  });
}

TEST_P(ExecutorTest, ShutdownFinishesPendingAndTakesNoMore) {
  in_model([] {
    auto pool = make(1);
    std::vector<Future<int>> futures;
    for (int i = 0; i < 10; ++i) futures.push_back(pool->submit([i] { return i; }));
    pool->shutdown();
    pool->shutdown();
    for (int i = 0; i < 10; ++i) {
      EXPECT_TRUE(futures[static_cast<std::size_t>(i)].done());
      EXPECT_EQ(futures[static_cast<std::size_t>(i)].result(), i);
    }
    EXPECT_EQ(pool->stats().workers, 0U);
    EXPECT_THROW(pool->submit([] {}), ShutdownError);
    EXPECT_EQ(pool->try_submit([] {}).error().code(), ErrorCode::kClosed);
  });
}

TEST_P(ExecutorTest, ShutdownCancelsPendingOnly) {
  in_model([] {
    auto pool = make(1);
    Event begun;
    Event go;
    const auto running = pool->submit([&] {
      begun.set();
      go.wait();
      return 1;
    });
    const auto pending = pool->submit([] { return 2; });
    begun.wait();
    pool->begin_shutdown(OnShutdown::kCancelPending);
    EXPECT_TRUE(pending.cancelled());
    EXPECT_FALSE(running.done());
    EXPECT_THROW(pool->submit([] {}), ShutdownError);
    go.set();
    pool->shutdown();
    EXPECT_EQ(running.result(), 1);
  });
}

TEST_P(ExecutorTest, FuturesOutliveTheirExecutor) {
  in_model([] {
    Future<std::string> future;
    {
      auto pool = make(1);
      future = pool->submit([] { return std::string(100, 'x'); });
    }
    EXPECT_EQ(future.result().size(), 100U);
  });
}

TEST_P(ExecutorTest, FunctionIsDestroyedBeforeTheFutureIsDone) {
  in_model([] {
    auto pool = make(1);
    auto token = std::make_shared<int>(1);
    const auto future = pool->submit([token] {});
    future.result();
    EXPECT_EQ(token.use_count(), 1);
  });
}

TEST_P(ExecutorTest, InitializerRunsOnEachWorkerFirst) {
  in_model([] {
    std::atomic<int> initialized = 0;
    auto pool = make(ExecutorOptions{.max_workers = 2, .initializer = [&] { ++initialized; }});
    Latch both(2);
    const auto meet = [&] {
      both.count_down();
      both.wait();
      return initialized.load();
    };
    const auto a = pool->submit(meet);
    const auto b = pool->submit(meet);
    EXPECT_EQ(a.result(), 2);
    EXPECT_EQ(b.result(), 2);
  });
}

TEST_P(ExecutorTest, FailingInitializerBreaksTheExecutor) {
  in_model([] {
    Event go;
    ::testing::internal::CaptureStderr();
    auto pool = make(ExecutorOptions{.max_workers = 1, .initializer = [&] {
                                       go.wait();
                                       throw std::runtime_error("no licence");
                                     }});
    const auto first = pool->submit([] { return 1; });
    const auto second = pool->submit([] { return 2; });
    const auto third = pool->submit([] { return 3; });
    third.cancel();
    go.set();
    EXPECT_THROW(first.result(), BrokenExecutor);
    EXPECT_THROW(second.result(), BrokenExecutor);
    EXPECT_TRUE(third.cancelled());
    EXPECT_THROW(pool->submit([] {}), BrokenExecutor);
    EXPECT_EQ(pool->try_submit([] {}).error().code(), ErrorCode::kUnavailable);
    pool->shutdown();
    EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("no licence"));
  });
}

TEST_P(ExecutorTest, FullQueueTellsOrWaits) {
  in_model([] {
    auto pool = make(ExecutorOptions{.max_workers = 1, .max_queued = 1});
    Event begun;
    Event go;
    pool->submit([&] {
      begun.set();
      go.wait();
    });
    begun.wait();
    const auto queued = pool->submit([] { return 1; });
    EXPECT_EQ(pool->try_submit([] {}).error().code(), ErrorCode::kResourceExhausted);
    auto late = runtime::spawn([&] { EXPECT_EQ(pool->submit([] { return 2; }).result(), 2); });
    go.set();
    late.join();
    EXPECT_EQ(queued.result(), 1);
  });
}

TEST_P(ExecutorTest, NestedSubmitInAFullPoolIsRelieved) {
  in_model([] {
    ::testing::internal::CaptureStderr();
    auto pool = make(1);
    const auto outer = pool->submit([&] { return pool->submit([] { return 20; }).result() + 1; });
    EXPECT_EQ(outer.result(), 21);
    EXPECT_EQ(pool->stats().grown, 1U);
    // Deeper, and with more workers than one.
    auto two = make(2);
    std::function<int(int)> depth = [&](int n) {
      return n == 0 ? 0 : two->submit(depth, n - 1).result() + 1;
    };
    EXPECT_EQ(two->submit(depth, 20).result(), 20);
    EXPECT_GT(two->stats().grown, 10U);
    EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("one worker was added"));
  });
}

TEST_P(ExecutorTest, NestedWaitAndAsCompletedAndFullQueueAreRelieved) {
  in_model([] {
    ::testing::internal::CaptureStderr();
    auto pool = make(ExecutorOptions{.max_workers = 1, .max_queued = 1});
    const auto outer = pool->submit([&] {
      std::vector<Future<int>> inner;
      for (int i = 0; i < 5; ++i) inner.push_back(pool->submit([i] { return i; }));
      wait(inner);
      int sum = 0;
      for (const Future<int>& f : as_completed(std::vector{pool->submit([] { return 1; })}))
        sum += f.result();
      for (const Future<int>& f : inner) sum += f.result();
      return sum;
    });
    EXPECT_EQ(outer.result(), 11);
    ::testing::internal::GetCapturedStderr();
  });
}

TEST_P(ExecutorTest, ExtraWorkersEndWhenTheDeadlockIsOver) {
  in_model([] {
    ::testing::internal::CaptureStderr();
    auto pool = make(1);
    for (int i = 0; i < 10; ++i) {
      pool->submit([&] { return pool->submit([] { return 1; }).result(); }).result();
    }
    pool->submit([] {}).result();
    // The extra worker ends on its own; nothing tells, so ask until it has.
    const Deadline limit = Deadline::after(10s);
    while (pool->stats().workers > 1 && !limit.passed()) runtime::this_task::yield();
    EXPECT_EQ(pool->stats().workers, 1U);
    ::testing::internal::GetCapturedStderr();
  });
}

TEST_P(ExecutorTest, ManyFromManySubmitters) {
  in_model([] {
    auto pool = make(4);
    std::atomic<std::int64_t> sum = 0;
    std::vector<runtime::Task> submitters;
    for (int s = 0; s < 4; ++s) {
      submitters.push_back(runtime::spawn([&] {
        std::vector<Future<int>> futures;
        for (int i = 0; i < 500; ++i) futures.push_back(pool->submit([i] { return i; }));
        for (const Future<int>& future : futures) {
          if (future.result() % 7 == 0) future.cancel();
          sum += future.result();
        }
      }));
    }
    for (runtime::Task& task : submitters) task.join();
    EXPECT_EQ(sum, 4 * 499 * 500 / 2);
  });
}

TEST_P(ExecutorTest, RacesOfCancelAndStartEndOneWay) {
  in_model([] {
    auto pool = make(3);
    std::atomic<int> ran = 0;
    int cancelled = 0;
    for (int i = 0; i < 500; ++i) {
      const auto future = pool->submit([&] { ++ran; });
      if (i % 3 == 0) runtime::this_task::yield();
      if (future.cancel()) {
        ++cancelled;
        EXPECT_THROW(future.result(), CancelledError);
      } else {
        future.result();
      }
    }
    pool->shutdown();
    EXPECT_EQ(ran + cancelled, 500);
  });
}

TEST_P(ExecutorTest, CancelledWaiterLeavesTheFutureAlone) {
  in_model([] {
    auto pool = make(1);
    Event go;
    Event waits;
    const auto future = pool->submit([&] {
      go.wait();
      return 1;
    });
    bool cancelled = false;
    auto waiter = runtime::spawn([&] {
      waits.set();
      try {
        future.result();
      } catch (const runtime::Cancelled&) {
        cancelled = true;
        throw;
      }
    });
    waits.wait();
    waiter.cancel();
    EXPECT_THROW(waiter.join(), runtime::Cancelled);
    EXPECT_TRUE(cancelled);
    EXPECT_FALSE(future.cancelled());
    go.set();
    EXPECT_EQ(future.result(), 1);
  });
}

TEST_P(ExecutorTest, WorkThatThrowsCancelledIsACancelledError) {
  in_model([] {
    auto pool = make(1);
    const auto future = pool->submit([]() -> int { throw runtime::Cancelled(); });
    EXPECT_THROW(future.result(), CancelledError);
    EXPECT_EQ(pool->submit([] { return 1; }).result(), 1) << "the worker lives";
  });
}

TEST(ExecutorDeathTest, ShutdownByItsOwnWorkerIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ThreadPoolExecutor pool({.max_workers = 1});
        pool.submit([&] { pool.shutdown(); }).result();
      },
      "one of its own workers");
}

TEST(FiberExecutor, WorkThatHasHoggedTheLoopRunsOnANativeThreadTheNextTime) {
  runtime::Runtime loop({.stall_threshold = 5ms});
  loop.run([&] {
    auto ticker = runtime::spawn([] {
      while (true) runtime::this_task::sleep_for(1ms);
    });
    FiberExecutor pool(loop, {.max_workers = 1, .name = "hogs"});
    const Deadline limit = Deadline::after(20s);
    pool.submit([&] {
          while (loop.stats().rescues == 0 && !limit.passed()) {
          }
        })
        .wait()
        .value();
    EXPECT_GE(loop.stats().rescues, 1U);
    // The monitor may need a moment to have learned it.
    while (loop.stats().placed_aside == 0 && !limit.passed()) {
      EXPECT_EQ(pool.submit([] { return 7; }).result(), 7);
    }
    EXPECT_GE(loop.stats().placed_aside, 1U);
    ticker.cancel();
  });
}

}  // namespace
}  // namespace saola::futures
