#include <sys/socket.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/scope.hpp>
#include <saola/runtime/select.hpp>
#include <saola/runtime/task_group.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using SelectTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(SelectTest);
// For plain threads, for which no clock waits.
using SelectInRealTimeTest = BothModels;
SAOLA_BOTH_MODELS(SelectInRealTimeTest);

std::pair<Socket, Socket> make_pair() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) std::abort();
  return {Socket{unique_fd(pair[0])}, Socket{unique_fd(pair[1])}};
}

// Everything that can be waited for, none of it ready.
struct Everything {
  Event event;
  Semaphore semaphore{0};
  Queue<int> queue;
  std::pair<Socket, Socket> sockets = make_pair();
  Event task_may_end;
  Task task = spawn([this] { task_may_end.wait(); });
  std::optional<int> item;

  ~Everything() { task_may_end.set(); }
  std::optional<std::size_t> wait(Deadline deadline = Deadline::after(20s)) {
    return select(deadline, on_set(event), on_acquire(semaphore), on_pop(queue, item),
                  on_readable(sockets.first), on_done(task));
  }
};

TEST_P(SelectTest, TakesWhatIsReady) {
  run([] {
    Everything all;
    EXPECT_EQ(all.wait(Deadline::after(Duration::zero())), std::nullopt);
    all.semaphore.release();
    EXPECT_EQ(all.wait(), 1U);
    EXPECT_EQ(all.semaphore.available(), 0) << "the permit is the selecting task's";
    ASSERT_TRUE(all.queue.push(7));
    EXPECT_EQ(all.wait(), 2U);
    EXPECT_EQ(all.item, 7);
    ASSERT_TRUE(all.sockets.second.write_all("x", Deadline::never()));
    EXPECT_EQ(all.wait(), 3U);
    char byte = 0;
    EXPECT_EQ(all.sockets.first.read_some({&byte, 1}, Deadline::never()).value(), 1U);
    EXPECT_EQ(all.wait(Deadline::after(1ms)), std::nullopt) << "the byte has been read";
    all.task_may_end.set();
    EXPECT_EQ(all.wait(), 4U);
    all.task.join();
    all.task = spawn([] {});
    all.event.set();
    EXPECT_EQ(all.wait(), 0U);
  });
}

// Each is made ready by another task while the select waits.
TEST_P(SelectTest, IsWokenByEach) {
  run([] {
    Everything all;
    const auto after_a_while = [](auto what) {
      return spawn([what] {
        for (int i = 0; i < 3; ++i) this_task::yield();
        what();
      });
    };
    for (int round = 0; round < 20; ++round) {
      Task permit = after_a_while([&] { all.semaphore.release(); });
      EXPECT_EQ(all.wait(), 1U);
      permit.join();
      Task pusher = after_a_while([&, round] { EXPECT_TRUE(all.queue.push(round)); });
      EXPECT_EQ(all.wait(), 2U);
      EXPECT_EQ(all.item, round);
      pusher.join();
      Task writer =
          after_a_while([&] { EXPECT_TRUE(all.sockets.second.write_all("x", Deadline::never())); });
      EXPECT_EQ(all.wait(), 3U);
      char byte = 0;
      EXPECT_EQ(all.sockets.first.read_some({&byte, 1}, Deadline::never()).value(), 1U);
      writer.join();
      Task ender = after_a_while([&] { all.task_may_end.set(); });
      EXPECT_EQ(all.wait(), 4U);
      all.task.join();
      ender.join();
      all.task_may_end.reset();
      all.task = spawn([&] { all.task_may_end.wait(); });
      Task setter = after_a_while([&] { all.event.set(); });
      EXPECT_EQ(all.wait(), 0U);
      setter.join();
      all.event.reset();
    }
    Task closer = after_a_while([&] { all.queue.close(); });
    EXPECT_EQ(all.wait(), 2U);
    EXPECT_EQ(all.item, std::nullopt) << "closed and empty";
    closer.join();
  });
}

TEST_P(SelectTest, DeadlineAndCancelEndIt) {
  run([] {
    Everything all;
    EXPECT_EQ(all.wait(Deadline::after(2ms)), std::nullopt);
    Event waits;
    Task task = spawn([&] {
      waits.set();
      Queue<int> nothing;
      std::optional<int> item;
      EXPECT_THROW(
          select(Deadline::never(), on_pop(nothing, item), on_readable(all.sockets.second)),
          Cancelled);
      // What is ready is taken all the same.
      Event ready;
      ready.set();
      EXPECT_EQ(select(Deadline::never(), on_set(ready)), 0U);
    });
    waits.wait();
    this_task::yield();
    task.cancel();
    task.join();
    EXPECT_EQ(select(Deadline::after(1ms), std::span<Branch* const>()), std::nullopt);
  });
}

TEST_P(SelectTest, WritableWhenThereIsRoom) {
  run([] {
    auto [a, b] = make_pair();
    EXPECT_EQ(select(Deadline::after(20s), on_writable(a)), 0U);
    const std::string much(1 << 20, 'x');
    EXPECT_FALSE(a.write_all(much, Deadline::after(1ms)).has_value());
    EXPECT_EQ(select(Deadline::after(1ms), on_writable(a)), std::nullopt);
    Task reader = spawn([&b = b] {
      std::vector<char> into(1 << 20);
      while (b.read_some(into, Deadline::after(10ms)).has_value()) {
      }
    });
    EXPECT_EQ(select(Deadline::after(20s), on_readable(a), on_writable(a)), 1U);
    reader.join();
  });
}

// A branch that loses takes nothing: the permit and the item are there for others.
TEST_P(SelectTest, LosingBranchesTakeNothing) {
  run([] {
    Semaphore semaphore(0);
    Queue<int> queue;
    Event event;
    std::optional<int> item;
    Task select_task = spawn([&] {
      EXPECT_EQ(
          select(Deadline::after(20s), on_acquire(semaphore), on_pop(queue, item), on_set(event)),
          2U);
    });
    Task other_permit = spawn([&] { EXPECT_TRUE(semaphore.acquire(Deadline::after(20s))); });
    for (int i = 0; i < 5; ++i) this_task::yield();
    event.set();
    // The select() may still stand in the other queues: what comes now is not for it.
    select_task.join();
    semaphore.release();
    ASSERT_TRUE(queue.push(1));
    other_permit.join();
    EXPECT_EQ(queue.try_pop(), 1);
  });
}

TEST_P(SelectTest, ManyBranches) {
  run([] {
    std::vector<std::unique_ptr<Event>> events;
    for (int i = 0; i < 50; ++i) events.push_back(std::make_unique<Event>());
    std::vector<detail::EventBranch> branches;
    for (const auto& event : events) branches.push_back(on_set(*event));
    std::vector<Branch*> pointers;
    for (auto& branch : branches) pointers.push_back(&branch);
    Task setter = spawn([&] {
      this_task::yield();
      events[37]->set();
    });
    EXPECT_EQ(select(Deadline::after(20s), pointers), 37U);
    setter.join();
  });
}

TEST_P(SelectTest, ListenerAndCancelledScope) {
  run([] {
    Listener listener = Listener::bind(SocketAddress::parse("127.0.0.1:0").value()).value();
    Scope scope("accepting");
    Task acceptor = spawn([&] {
      const Result<void> end = scope.run([&] { select(Deadline::never(), on_readable(listener)); });
      ASSERT_FALSE(end.has_value());
      EXPECT_EQ(end.error().code(), ErrorCode::kCancelled);
    });
    for (int i = 0; i < 3; ++i) this_task::yield();
    scope.cancel();
    acceptor.join();
    Task client = spawn([address = listener.local_address().value()] {
      EXPECT_TRUE(Socket::connect(address, Deadline::after(20s)));
    });
    EXPECT_EQ(select(Deadline::after(20s), on_readable(listener)), 0U);
    EXPECT_TRUE(listener.accept(Deadline::after(20s)));
    client.join();
  });
}

// Items, permits and bytes from several threads, taken by selects of several tasks: each is taken
// once, none is lost, whatever comes at the same moment.
TEST_P(SelectInRealTimeTest, NothingIsLostOrTakenTwice) {
  run([] {
    constexpr int kEach = 2'000;
    constexpr int kTakers = 4;
    Queue<int> first;
    Queue<int> second(3);
    Semaphore semaphore(0);
    std::atomic<int> from_first{0};
    std::atomic<int> from_second{0};
    std::atomic<int> permits{0};
    std::atomic<std::int64_t> sum{0};
    TaskGroup takers;
    Event done;
    for (int t = 0; t < kTakers; ++t) {
      takers.spawn([&, t] {
        std::minstd_rand random(static_cast<unsigned>(t));
        for (;;) {
          std::optional<int> a;
          std::optional<int> b;
          // A short deadline now and then, so that waits end at the same moment as something comes.
          const Deadline deadline = random() % 4 == 0
                                        ? Deadline::after(std::chrono::microseconds(random() % 200))
                                        : Deadline::never();
          const auto which = select(deadline, on_pop(first, a), on_pop(second, b),
                                    on_acquire(semaphore), on_set(done));
          if (which == 3U) return;
          if (which == 0U && a) ++from_first, sum += *a;
          if (which == 1U && b) ++from_second, sum += *b;
          if (which == 2U) ++permits;
        }
      });
    }
    {
      std::jthread one([&] {
        for (int i = 1; i <= kEach; ++i) EXPECT_TRUE(first.push(i));
      });
      std::jthread two([&] {
        for (int i = 1; i <= kEach; ++i) EXPECT_TRUE(second.push(i, Deadline::after(60s)));
      });
      std::jthread three([&] {
        for (int i = 0; i < kEach; ++i) semaphore.release();
      });
      const Deadline limit = Deadline::after(60s);
      while (from_first + from_second + permits < 3 * kEach && !limit.passed()) {
        this_task::sleep_for(1ms);
      }
    }
    done.set();
    takers.join();
    EXPECT_EQ(from_first.load(), kEach);
    EXPECT_EQ(from_second.load(), kEach);
    EXPECT_EQ(permits.load(), kEach);
    EXPECT_EQ(sum.load(), std::int64_t{kEach} * (kEach + 1));
    EXPECT_EQ(semaphore.available(), 0);
  });
}

}  // namespace
}  // namespace saola::runtime
