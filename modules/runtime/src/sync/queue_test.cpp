#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/queue.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using QueueTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(QueueTest);

TEST_P(QueueTest, KeepsTheOrder) {
  run([] {
    Queue<int> queue;
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(queue.push(i));
    EXPECT_EQ(queue.size(), 100U);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(queue.pop().value(), i);
    EXPECT_FALSE(queue.try_pop().has_value());
  });
}

TEST_P(QueueTest, BoundedHoldsProducersBack) {
  run([] {
    Queue<int> queue(2);
    std::atomic<int> pushed{0};
    Task producer = spawn([&] {
      for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(queue.push(i));
        ++pushed;
      }
    });
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ(queue.pop().value(), i);
      EXPECT_LE(queue.size(), 2U);
    }
    producer.join();
    EXPECT_TRUE(queue.try_push(1));
    EXPECT_TRUE(queue.try_push(2));
    EXPECT_FALSE(queue.try_push(3));
    EXPECT_EQ(queue.push(3, Deadline::after(2ms)).error().code(), ErrorCode::kTimedOut);
    EXPECT_EQ(queue.size(), 2U);
  });
}

TEST_P(QueueTest, EveryItemArrivesOnce) {
  run([this] {
    const int producers = on_fibers() ? 20 : 4;
    constexpr int kEach = 100;
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
      Queue<int> queue(capacity);
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(producers * kEach));
      std::vector<Task> senders;
      std::vector<Task> receivers;
      for (int p = 0; p < producers; ++p) {
        senders.push_back(spawn([&, p] {
          for (int i = 0; i < kEach; ++i) ASSERT_TRUE(queue.push(p * kEach + i));
        }));
        receivers.push_back(spawn([&] {
          for (;;) {
            auto item = queue.pop();
            if (!item) {
              EXPECT_EQ(item.error().code(), ErrorCode::kClosed);
              return;
            }
            ++seen[static_cast<std::size_t>(*item)];
          }
        }));
      }
      for (Task& task : senders) task.join();
      queue.close();
      for (Task& task : receivers) task.join();
      for (const auto& count : seen) ASSERT_EQ(count.load(), 1) << "capacity " << capacity;
    }
  });
}

TEST_P(QueueTest, CloseGivesOutWhatIsLeft) {
  run([] {
    Queue<std::unique_ptr<int>> queue;
    ASSERT_TRUE(queue.push(std::make_unique<int>(1)));
    queue.close();
    queue.close();
    EXPECT_EQ(queue.push(std::make_unique<int>(2)).error().code(), ErrorCode::kClosed);
    EXPECT_FALSE(queue.try_push(std::make_unique<int>(3)));
    EXPECT_EQ(*queue.pop().value(), 1);
    EXPECT_EQ(queue.pop().error().code(), ErrorCode::kClosed);
  });
}

TEST_P(QueueTest, CloseWakesWhoWaits) {
  run([] {
    Queue<int> full(1);
    Queue<int> empty;
    Queue<int> channel(0);
    ASSERT_TRUE(full.push(1));
    Task a = spawn([&] { EXPECT_EQ(full.push(2).error().code(), ErrorCode::kClosed); });
    Task b = spawn([&] { EXPECT_EQ(empty.pop().error().code(), ErrorCode::kClosed); });
    Task c = spawn([&] { EXPECT_EQ(channel.push(2).error().code(), ErrorCode::kClosed); });
    while (channel.size() == 0) this_task::yield();
    full.close();
    empty.close();
    channel.close();
    a.join();
    b.join();
    c.join();
    EXPECT_EQ(channel.size(), 0U);
  });
}

TEST_P(QueueTest, DeadlinesAndCancelsLoseNothing) {
  run([] {
    Queue<int> queue(1);
    EXPECT_EQ(queue.pop(Deadline::after(2ms)).error().code(), ErrorCode::kTimedOut);
    Task consumer = spawn([&] {
      EXPECT_EQ(queue.pop().error().code(), ErrorCode::kCancelled);
      this_task::check_cancelled();
    });
    consumer.cancel();
    EXPECT_THROW(consumer.join(), Cancelled);
    ASSERT_TRUE(queue.push(1));
    Task producer = spawn([&] { EXPECT_EQ(queue.push(2).error().code(), ErrorCode::kCancelled); });
    producer.cancel();
    producer.join();
    EXPECT_EQ(queue.pop().value(), 1);
    EXPECT_FALSE(queue.try_pop().has_value());
  });
}

TEST_P(QueueTest, ChannelSenderReturnsWhenTheItemWasTaken) {
  run([] {
    Queue<int> channel(0);
    std::atomic<bool> returned{false};
    Task sender = spawn([&] {
      EXPECT_TRUE(channel.push(7));
      returned = true;
    });
    while (channel.size() == 0) this_task::yield();
    this_task::yield();
    EXPECT_FALSE(returned.load());
    EXPECT_EQ(channel.pop().value(), 7);
    sender.join();
    EXPECT_TRUE(returned.load());
  });
}

TEST_P(QueueTest, ChannelTakesTryPushOnlyForAWaitingConsumer) {
  run([] {
    Queue<int> channel(0);
    EXPECT_FALSE(channel.try_push(1));
    Task consumer = spawn([&] { EXPECT_EQ(channel.pop().value(), 2); });
    while (!channel.try_push(2)) this_task::yield();
    consumer.join();
  });
}

// Tickets were counted, and a sender that withdrew in the middle counted for an earlier one: that
// one returned although its item was still queued, or took out somebody else's.
TEST_P(QueueTest, ChannelSenderMayWithdrawInTheMiddle) {
  run([] {
    Queue<int> channel(0);
    const auto queued = [&](std::size_t n) {
      while (channel.size() != n) this_task::yield();
    };
    std::atomic<bool> first_returned{false};
    Task first = spawn([&] {
      EXPECT_TRUE(channel.push(1));
      first_returned = true;
    });
    queued(1);
    Task second = spawn([&] { EXPECT_EQ(channel.push(2).error().code(), ErrorCode::kCancelled); });
    queued(2);
    Task third = spawn([&] { EXPECT_EQ(channel.push(3).error().code(), ErrorCode::kCancelled); });
    queued(3);
    Task fourth = spawn([&] { EXPECT_TRUE(channel.push(4)); });
    queued(4);
    second.cancel();
    second.join();
    queued(3);
    this_task::yield();
    EXPECT_FALSE(first_returned.load());
    third.cancel();
    third.join();
    queued(2);
    EXPECT_EQ(channel.pop().value(), 1);
    first.join();
    EXPECT_EQ(channel.pop().value(), 4);
    fourth.join();
    EXPECT_EQ(channel.size(), 0U);
  });
}

TEST_P(QueueTest, ManyDeadlinesAgainstManyItems) {
  run([this] {
    const int tasks = on_fibers() ? 20 : 4;
    Queue<int> channel(0);
    std::atomic<int> sent{0};
    std::atomic<int> received{0};
    std::vector<Task> senders;
    std::vector<Task> receivers;
    for (int t = 0; t < tasks; ++t) {
      senders.push_back(spawn([&, t] {
        for (int i = 0; i < 50; ++i) {
          if (channel.push(i, Deadline::after(std::chrono::microseconds(10 * (t + i) % 200))))
            ++sent;
        }
      }));
      receivers.push_back(spawn([&, t] {
        for (;;) {
          auto item = channel.pop(Deadline::after(std::chrono::microseconds(50 + 10 * t)));
          if (item) {
            ++received;
          } else if (item.error().code() == ErrorCode::kClosed) {
            return;
          }
        }
      }));
    }
    for (Task& task : senders) task.join();
    channel.close();
    for (Task& task : receivers) task.join();
    EXPECT_EQ(sent.load(), received.load());
  });
}

}  // namespace
}  // namespace saola::runtime
