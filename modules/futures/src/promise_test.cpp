#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include <saola/futures/future.hpp>

namespace saola::futures {
namespace {

TEST(PromiseTest, StatesAndMistakes) {
  Promise<int> promise;
  const auto future = promise.future();
  EXPECT_FALSE(future.done());
  EXPECT_TRUE(promise.set_running_or_notify_cancel());
  EXPECT_TRUE(future.running());
  EXPECT_FALSE(future.cancel());
  EXPECT_THROW(promise.set_running_or_notify_cancel(), InvalidStateError);
  promise.set_result(3);
  EXPECT_EQ(future.result(), 3);
  EXPECT_THROW(promise.set_result(4), InvalidStateError);
  EXPECT_THROW(promise.set_exception(std::make_exception_ptr(1)), InvalidStateError);
  EXPECT_EQ(future.result(), 3);

  Promise<int> cancelled;
  EXPECT_TRUE(cancelled.future().cancel());
  EXPECT_FALSE(cancelled.set_running_or_notify_cancel());
  EXPECT_THROW(cancelled.set_result(1), InvalidStateError);
}

TEST(PromiseTest, AbandonedIsBroken) {
  Future<int> future;
  {
    Promise<int> promise;
    future = promise.future();
  }
  EXPECT_THROW(future.result(), BrokenPromise);
  Promise<int> replaced;
  const auto old = replaced.future();
  replaced = Promise<int>();
  EXPECT_THROW(old.result(), BrokenPromise);
}

// The promise's end and a cancel meet: one of them wins, and the other has nothing to say.
TEST(PromiseTest, AbandonedBesideCancel) {
  constexpr int kRounds = 20'000;
  std::atomic<int> round{0};
  std::atomic<int> ready{0};
  Future<int> shared;
  std::jthread other([&] {
    for (int i = 1; i <= kRounds; ++i) {
      while (round.load() != i) {
      }
      ready.store(i);
      shared.cancel();
      round.store(-i);
    }
  });
  int cancelled = 0;
  for (int i = 1; i <= kRounds; ++i) {
    {
      Promise<int> promise;
      shared = promise.future();
      round.store(i);
      while (ready.load() != i) {
      }
    }
    while (round.load() != -i) std::this_thread::yield();
    ASSERT_TRUE(shared.done());
    cancelled += shared.cancelled() ? 1 : 0;
  }
  EXPECT_LE(cancelled, kRounds);
}

}  // namespace
}  // namespace saola::futures
