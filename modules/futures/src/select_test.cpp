#include <thread>

#include <gtest/gtest.h>

#include <saola/futures/executor.hpp>
#include <saola/futures/fiber_executor.hpp>
#include <saola/futures/select.hpp>

#include "executor_models.hpp"

namespace saola::futures {
namespace {

using namespace std::chrono_literals;

TEST(FutureBranch, AnyOfSeveralFutures) {
  ThreadPoolExecutor pool({.max_workers = 2});
  Promise<int> never;
  const auto pending = never.future();
  const auto done = pool.submit([] { return 7; });
  EXPECT_EQ(runtime::select(Deadline::after(20s), on_done(pending), on_done(done)), 1U);
  EXPECT_EQ(done.result(), 7);
  EXPECT_EQ(runtime::select(Deadline::after(1ms), on_done(pending)), std::nullopt);
  std::jthread canceller([&] { pending.cancel(); });
  EXPECT_EQ(runtime::select(Deadline::after(20s), on_done(pending)), 0U);
}

// The only worker waits for work of its own pool: the pool sees it, as with Future::wait().
TEST(FutureBranch, WorkerThatWaitsForItsOwnPoolIsRelieved) {
  ThreadPoolExecutor pool({.max_workers = 1});
  const auto outer = pool.submit([&] {
    const auto inner = pool.submit([] { return 3; });
    EXPECT_EQ(runtime::select(Deadline::after(60s), on_done(inner)), 0U);
    return inner.result();
  });
  EXPECT_EQ(outer.result(Deadline::after(60s)), 3);
}

const runtime::InheritedLocal<std::string> user;

TEST(Executor, WorkSeesWhatTheSubmitterWouldHandDown) {
  ThreadPoolExecutor pool({.max_workers = 1});
  const auto seen = [&] {
    return pool.submit([] { return user.get() != nullptr ? *user.get() : "nobody"; }).result();
  };
  EXPECT_EQ(seen(), "nobody");
  {
    const runtime::InheritedLocal<std::string>::Scoped scoped(user, "alice");
    EXPECT_EQ(seen(), "alice");
  }
  EXPECT_EQ(seen(), "nobody");
  runtime::Runtime runtime;
  runtime.run([&] {
    FiberExecutor fibers(runtime, {.max_workers = 1});
    user.set("bob");
    EXPECT_EQ(fibers.submit([] { return *user.get(); }).result(), "bob");
  });
}

}  // namespace
}  // namespace saola::futures
