// Barrier, Broadcast, Watch, RecursiveMutex and Ticker.
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/sync/barrier.hpp>
#include <saola/runtime/sync/broadcast.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/recursive_mutex.hpp>
#include <saola/runtime/sync/watch.hpp>
#include <saola/runtime/task_group.hpp>
#include <saola/runtime/ticker.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using BarrierTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(BarrierTest);
using BroadcastTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(BroadcastTest);
using WatchTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(WatchTest);
using RecursiveMutexTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(RecursiveMutexTest);
using TickerTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(TickerTest);

TEST_P(BarrierTest, NobodyIsARoundAhead) {
  run([] {
    constexpr std::size_t kParties = 4;
    constexpr int kRounds = 50;
    Barrier barrier(kParties);
    std::atomic<int> at[kParties]{};
    std::atomic<int> firsts{0};
    TaskGroup group;
    for (std::size_t p = 0; p < kParties; ++p) {
      group.spawn([&, p] {
        for (int round = 1; round <= kRounds; ++round) {
          at[p] = round;
          const auto place = barrier.arrive_and_wait(Deadline::after(20s));
          ASSERT_TRUE(place.has_value()) << place.error().message();
          ASSERT_LT(*place, kParties);
          if (*place == 0) ++firsts;
          for (const auto& other : at) ASSERT_GE(other.load(), round);
        }
      });
    }
    group.join();
    EXPECT_EQ(firsts.load(), kRounds);
  });
}

TEST_P(BarrierTest, WhoGivesUpBreaksIt) {
  run([] {
    Barrier barrier(3);
    ErrorCode other{};
    Task waits = spawn([&] { other = barrier.arrive_and_wait().error().code(); });
    while (barrier.waiting() == 0) this_task::yield();
    EXPECT_EQ(barrier.arrive_and_wait(Deadline::after(1ms)).error().code(), ErrorCode::kTimedOut);
    waits.join();
    EXPECT_EQ(other, ErrorCode::kClosed);
    EXPECT_TRUE(barrier.broken());
    EXPECT_EQ(barrier.arrive_and_wait().error().code(), ErrorCode::kClosed);
    barrier.reset();
    Task cancelled = spawn([&] { other = barrier.arrive_and_wait().error().code(); });
    while (barrier.waiting() == 0) this_task::yield();
    cancelled.cancel();
    cancelled.join();
    EXPECT_EQ(other, ErrorCode::kCancelled);
    barrier.reset();
    Task aborted = spawn([&] { other = barrier.arrive_and_wait().error().code(); });
    while (barrier.waiting() == 0) this_task::yield();
    barrier.abort();
    aborted.join();
    EXPECT_EQ(other, ErrorCode::kClosed);
  });
}

TEST_P(BroadcastTest, EveryReceiverSeesEverythingSinceItSubscribed) {
  run([] {
    Broadcast<int> channel(8);
    channel.send(0);
    auto early = channel.subscribe();
    channel.send(1);
    auto late = channel.subscribe();
    channel.send(2);
    EXPECT_EQ(early.receive().value().message, 1);
    auto copy = early;
    EXPECT_EQ(early.receive().value().message, 2);
    EXPECT_EQ(copy.receive().value().message, 2) << "a copy reads on its own";
    EXPECT_EQ(late.receive().value().message, 2);
    EXPECT_FALSE(late.try_receive().has_value());
    EXPECT_EQ(late.receive(Deadline::after(1ms)).error().code(), ErrorCode::kTimedOut);
    Task sender = spawn([&] { channel.send(3); });
    EXPECT_EQ(late.receive(Deadline::after(20s)).value().message, 3);
    sender.join();
    channel.close();
    EXPECT_EQ(early.receive().value().message, 3) << "what is left comes first";
    EXPECT_EQ(early.receive().error().code(), ErrorCode::kClosed);
  });
}

TEST_P(BroadcastTest, SlowReceiverIsToldHowManyItMissed) {
  run([] {
    std::optional<Broadcast<int>> channel(std::in_place, 3);
    auto slow = channel->subscribe();
    for (int i = 0; i < 10; ++i) channel->send(i);
    channel.reset();
    const auto first = slow.receive().value();
    EXPECT_EQ(first.message, 7);
    EXPECT_EQ(first.missed, 7U);
    const auto second = slow.receive().value();
    EXPECT_EQ(second.message, 8);
    EXPECT_EQ(second.missed, 0U);
    EXPECT_EQ(slow.receive().value().message, 9);
    EXPECT_EQ(slow.receive().error().code(), ErrorCode::kClosed);
  });
}

TEST_P(BroadcastTest, IsABranchOfSelect) {
  run([] {
    Broadcast<int> channel(4);
    auto receiver = channel.subscribe();
    std::optional<Broadcast<int>::Received> got;
    Event stop;
    EXPECT_EQ(select(Deadline::after(1ms), on_set(stop), on_receive(receiver, got)), std::nullopt);
    Task sender = spawn([&] { channel.send(5); });
    EXPECT_EQ(select(Deadline::after(20s), on_set(stop), on_receive(receiver, got)), 1U);
    EXPECT_EQ(got.value().message, 5);
    sender.join();
    channel.close();
    EXPECT_EQ(select(Deadline::after(20s), on_set(stop), on_receive(receiver, got)), 1U);
    EXPECT_FALSE(got.has_value());
  });
}

TEST_P(WatchTest, ObserversSeeTheLatestValue) {
  run([] {
    std::optional<Watch<std::string>> watch(std::in_place, "a");
    auto observer = watch->observe();
    EXPECT_EQ(observer.get(), "a");
    EXPECT_EQ(observer.changed(Deadline::after(1ms)).error().code(), ErrorCode::kTimedOut);
    watch->set("b");
    watch->set("c");
    EXPECT_EQ(observer.changed().value(), "c");
    Task setter = spawn([&] { watch->set("d"); });
    EXPECT_EQ(observer.changed(Deadline::after(20s)).value(), "d");
    setter.join();
    std::optional<std::string> now;
    EXPECT_EQ(select(Deadline::after(1ms), on_change(observer, now)), std::nullopt);
    watch->set("e");
    EXPECT_EQ(select(Deadline::after(20s), on_change(observer, now)), 0U);
    EXPECT_EQ(now, "e");
    EXPECT_EQ(watch->get(), "e");
    watch.reset();
    EXPECT_EQ(observer.changed().error().code(), ErrorCode::kClosed);
    EXPECT_EQ(select(Deadline::after(20s), on_change(observer, now)), 0U);
    EXPECT_FALSE(now.has_value());
    EXPECT_EQ(observer.get(), "e");
  });
}

TEST_P(RecursiveMutexTest, HolderLocksAgainOthersWait) {
  run([] {
    RecursiveMutex mutex;
    mutex.lock();
    mutex.lock();
    EXPECT_TRUE(mutex.try_lock());
    bool entered = false;
    Event tried;
    Task other = spawn([&] {
      EXPECT_FALSE(mutex.try_lock());
      EXPECT_FALSE(mutex.try_lock_until(Deadline::after(1ms)));
      tried.set();
      const std::lock_guard lock(mutex);
      entered = true;
    });
    mutex.unlock();
    mutex.unlock();
    tried.wait();
    this_task::yield();
    EXPECT_FALSE(entered) << "it was locked three times";
    mutex.unlock();
    other.join();
    EXPECT_TRUE(entered);
    EXPECT_EQ(mutex.owner(), 0U);
  });
}

TEST_P(TickerTest, MissedTicksAreSkippedMadeUpForOrDelayed) {
  run([] {
    const Duration period = 4s;
    const auto late_by = [&](MissedTicks missed) {
      Ticker ticker(period, missed);
      ticker.wait();
      this_task::sleep_until(Deadline::at(ticker.next().time() + 2 * period + 1ms));
      return ticker;
    };
    Ticker skip = late_by(MissedTicks::kSkip);
    const SteadyTime due = skip.next().time();
    const auto skipped = skip.wait();
    EXPECT_EQ(skipped, 2U);
    EXPECT_EQ(skip.next().time() - due, 3 * period) << "still in step";

    Ticker burst = late_by(MissedTicks::kBurst);
    const SteadyTime first = burst.next().time();
    EXPECT_EQ(burst.wait(), 0U);
    EXPECT_EQ(burst.wait(), 0U);
    EXPECT_EQ(burst.next().time(), first + 2 * period);

    Ticker delay = late_by(MissedTicks::kDelay);
    const SteadyTime before = steady_now();
    EXPECT_EQ(delay.wait(), 2U);
    EXPECT_EQ(delay.next().time(), before + period) << "a whole period from now";
  });
}

TEST_P(TickerTest, CancelEndsIt) {
  run([] {
    Task task = spawn([] {
      Ticker ticker(1h);
      ticker.wait();
    });
    task.cancel();
    EXPECT_THROW(task.join(), Cancelled);
  });
}

}  // namespace
}  // namespace saola::runtime
