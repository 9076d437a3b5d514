#include <atomic>
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
using ::testing::ElementsAre;

using WaitTest = ExecutorTest;

INSTANTIATE_TEST_SUITE_P(Models, WaitTest,
                         ::testing::Values(Model::kThreads, Model::kFibers,
                                           Model::kFibersAndThreads),
                         name_of);

TEST_P(WaitTest, WaitKinds) {
  in_model([] {
    auto pool = make(4);
    Event go;
    const auto slow = pool->submit([&] {
      go.wait();
      return 1;
    });
    const auto quick = pool->submit([] { return 2; });
    const auto failing = pool->submit([]() -> int { throw std::runtime_error("x"); });
    auto first =
        wait(std::vector{slow, quick, quick}, Deadline::never(), ReturnWhen::kFirstCompleted);
    EXPECT_THAT(first.done, ElementsAre(quick));
    EXPECT_THAT(first.not_done, ElementsAre(slow));
    auto raised = wait(std::vector{slow, failing}, Deadline::never(), ReturnWhen::kFirstException);
    EXPECT_THAT(raised.done, ElementsAre(failing));
    auto late = wait(std::vector{slow, quick}, Deadline::after(1ms));
    EXPECT_THAT(late.done, ElementsAre(quick));
    EXPECT_THAT(late.not_done, ElementsAre(slow));
    EXPECT_TRUE(wait(std::vector<Future<int>>{}).done.empty());
    auto later = runtime::spawn([&] { go.set(); });
    auto all = wait(std::vector{slow, quick, failing});
    EXPECT_EQ(all.done.size(), 3U);
    auto none_raises =
        wait(std::vector{slow, quick}, Deadline::never(), ReturnWhen::kFirstException);
    EXPECT_EQ(none_raises.done.size(), 2U) << "no exception: as all";
    later.join();
  });
}

TEST_P(WaitTest, AsCompletedGivesDoneOnesFirstAndEachOnce) {
  in_model([] {
    auto pool = make(2);
    Event one;
    Event two;
    const auto a = pool->submit([&] {
      one.wait();
      return 'a';
    });
    const auto b = pool->submit([&] {
      two.wait();
      return 'b';
    });
    Promise<char> ready;
    ready.set_result('c');
    const auto c = ready.future();
    std::string order;
    for (const auto& future : as_completed(std::vector{a, b, c, a, c})) {
      order += future.result();
      if (order == "c") two.set();
      if (order == "cb") one.set();
    }
    EXPECT_EQ(order, "cba");
  });
}

TEST_P(WaitTest, AsCompletedTimesOut) {
  in_model([] {
    auto pool = make(1);
    Event go;
    const auto slow = pool->submit([&] { go.wait(); });
    auto completed = as_completed(std::vector{slow}, Deadline::after(1ms));
    EXPECT_THROW(completed.next(), TimeoutError);
    go.set();
  });
}

TEST_P(WaitTest, MapKeepsTheOrderOfInputs) {
  in_model([] {
    auto pool = make(3);
    std::vector<int> squares;
    for (int square : pool->map([](int n) { return n * n; }, std::vector{3, 1, 2}))
      squares.push_back(square);
    EXPECT_THAT(squares, ElementsAre(9, 1, 4));
  });
}

TEST_P(WaitTest, MapRaisesWhereItIsReachedAndCancelsTheRest) {
  in_model([] {
    auto pool = make(1);
    std::atomic<int> ran = 0;
    Event go;
    auto mapped = pool->map(
        [&](int n) {
          ++ran;
          if (n == 1) throw std::runtime_error("one");
          if (n == 2) go.wait();
          return n;
        },
        std::vector{0, 1, 2, 3, 4});
    EXPECT_EQ(mapped.next(), 0);
    EXPECT_THROW(mapped.next(), std::runtime_error);
    EXPECT_EQ(mapped.next(), std::nullopt);
    go.set();
    pool->shutdown();
    EXPECT_LE(ran, 3);
    auto slow = make(1);
    Event later;
    auto timed = slow->map(
        [&](int n) {
          later.wait();
          return n;
        },
        std::vector{1, 2}, Deadline::after(1ms));
    EXPECT_THROW(timed.next(), TimeoutError);
    later.set();
  });
}

}  // namespace
}  // namespace saola::futures
