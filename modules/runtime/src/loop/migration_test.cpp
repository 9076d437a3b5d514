// What a fiber sees when it continues on another thread.
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cfenv>
#include <exception>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/runtime.hpp>
#include <saola/runtime/socket.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/task_local.hpp>

#include "leak_check.hpp"
#include "loop/forced_stealer.hpp"
#include "loop/last_errno.hpp"

namespace saola::runtime {
namespace {

[[gnu::noipa]] void set_errno(int value) {
  errno = value;
}

// Runs `main` on a runtime in which only move() steals.
void run_here(std::move_only_function<void(Runtime&)> main) {
  LeakCheck leaks;
  Runtime runtime({.on_stall = StallPolicy::kIgnore});
  runtime.run([&] { main(runtime); });
}

// The calling fiber loses the loop while it runs; returns still on the old thread.
void lose_the_loop(Runtime& runtime) {
  this_task::yield();  // come home, should we be away
  std::atomic<bool> stolen{false};
  std::thread thief([&] {
    while (!ForcedStealer::steal_once(runtime.impl())) ::sched_yield();
    stolen = true;
  });
  // Until the spare has taken over: else our own thread may be the one that takes the loop again.
  while (!stolen || runtime.impl().loop.carrier_tid() == ::gettid()) {
  }
  thief.join();
}

TEST(Migration, YieldComesHomeOnAnotherThread) {
  run_here([](Runtime& runtime) {
    for (int i = 0; i < 50; ++i) {
      const pid_t before = ::gettid();
      const std::uint64_t id = this_task::id();
      lose_the_loop(runtime);
      EXPECT_EQ(::gettid(), before);
      EXPECT_EQ(this_task::id(), id);
      EXPECT_EQ(Runtime::current(), &runtime);
      this_task::yield();
      EXPECT_NE(::gettid(), before);
      EXPECT_EQ(this_task::id(), id);
      EXPECT_EQ(Runtime::current(), &runtime);
    }
  });
}

TEST(Migration, OthersRunWhileTheHogIsAway) {
  run_here([](Runtime& runtime) {
    std::atomic<int> turns{0};
    std::atomic<bool> stop{false};
    Task other = spawn([&] {
      while (!stop) {
        ++turns;
        this_task::yield();
      }
    });
    lose_the_loop(runtime);
    const int now = turns;
    while (turns < now + 1000) ::sched_yield();  // no call into the runtime: we stay away
    stop = true;
    other.join();
  });
}

TEST(Migration, ErrnoTravels) {
  run_here([](Runtime& runtime) {
    for (int i = 1; i <= 20; ++i) {
      lose_the_loop(runtime);
      set_errno(1000 + i);
      this_task::yield();
      EXPECT_EQ(detail::last_errno(), 1000 + i);
    }
  });
}

TEST(Migration, CaughtAndFlyingExceptionsTravel) {
  run_here([](Runtime& runtime) {
    struct InFlight {
      Runtime& runtime;
      ~InFlight() {
        EXPECT_EQ(std::uncaught_exceptions(), 1);
        lose_the_loop(runtime);
        this_task::yield();
        EXPECT_EQ(std::uncaught_exceptions(), 1);
      }
    };
    for (int i = 0; i < 20; ++i) {
      try {
        InFlight in_flight{runtime};
        throw std::runtime_error(std::to_string(i));
      } catch (const std::runtime_error& outer) {
        const std::exception_ptr before = std::current_exception();
        lose_the_loop(runtime);
        try {
          throw i;
        } catch (int) {
          this_task::yield();
        }
        EXPECT_TRUE(std::current_exception() == before);
        EXPECT_EQ(outer.what(), std::to_string(i));
        EXPECT_THROW(throw, std::runtime_error);
      }
      EXPECT_EQ(std::current_exception(), nullptr);
    }
  });
}

TEST(Migration, RoundingModeTravelsAndIsNotInherited) {
  run_here([](Runtime& runtime) {
    std::fesetround(FE_UPWARD);
    // make_fcontext() gave a new fiber the mode of whoever happened to make room for it.
    Task child = spawn([] { EXPECT_EQ(std::fegetround(), FE_TONEAREST); });
    for (int i = 0; i < 10; ++i) {
      lose_the_loop(runtime);
      this_task::yield();
      EXPECT_EQ(std::fegetround(), FE_UPWARD);
      volatile double one = 1;
      volatile double three = 3;
      const double up = one / three;
      EXPECT_GT(up * 3, 1.0);
    }
    child.join();
    std::fesetround(FE_TONEAREST);
  });
}

TaskLocal<int> local;

TEST(Migration, TaskLocalsTravel) {
  run_here([](Runtime& runtime) {
    *local = 41;
    lose_the_loop(runtime);
    EXPECT_EQ(++*local, 42);
    this_task::yield();
    EXPECT_EQ(*local, 42);
  });
}

TEST(Migration, LockTakenBeforeIsGivenBackAfter) {
  run_here([](Runtime& runtime) {
    Mutex mutex;
    bool got_it = false;
    mutex.lock();
    Task other = spawn([&] {
      std::lock_guard lock(mutex);
      got_it = true;
    });
    lose_the_loop(runtime);
    EXPECT_FALSE(got_it);
    EXPECT_EQ(mutex.owner(), this_task::id());
    mutex.unlock();  // from the thread that lost the loop: hands over through the inbox
    other.join();
    EXPECT_TRUE(got_it);
  });
}

// The address of errno was kept across the wait in which the fiber came home: after a move the
// socket looked at another thread's errno and failed, or waited, for no reason.
TEST(Migration, SocketsLookAtTheErrnoOfTheirThread) {
  run_here([](Runtime& runtime) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    Socket left{unique_fd(pair[0])};
    Socket right{unique_fd(pair[1])};
    Task reader = spawn([&] {
      std::size_t total = 0;
      std::vector<char> buffer(1 << 20);
      while (total < 20U << 20) {
        auto got = right.read_some(buffer, Deadline::never());
        ASSERT_TRUE(got.has_value()) << got.error().text();
        ASSERT_GT(*got, 0U);
        total += *got;
      }
    });
    const std::string block(1 << 20, 'x');
    for (int i = 0; i < 20; ++i) {
      lose_the_loop(runtime);
      set_errno(ENOENT);
      const auto sent = left.write_all(block, Deadline::never());
      ASSERT_TRUE(sent.has_value()) << sent.error().text();
    }
    reader.join();
  });
}

// Reader and writer of one socket, the writer away: both made the socket's watch at once.
TEST(Migration, BothDirectionsOfOneSocketWhileOneIsAway) {
  run_here([](Runtime& runtime) {
    for (int i = 0; i < 20; ++i) {
      int pair[2];
      ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
      Socket left{unique_fd(pair[0])};
      Socket right{unique_fd(pair[1])};
      Task reader = spawn([&] {
        char byte;
        EXPECT_EQ(left.read_some({&byte, 1}, Deadline::never()).value(), 1U);
      });
      Task peer = spawn([&] {
        std::vector<char> buffer(1 << 16);
        std::size_t total = 0;
        while (total < 1U << 20) total += right.read_some(buffer, Deadline::never()).value();
        ASSERT_TRUE(right.write_all("x", Deadline::never()));
      });
      lose_the_loop(runtime);
      ASSERT_TRUE(left.write_all(std::string(1 << 20, 'y'), Deadline::never()));
      reader.join();
      peer.join();
    }
  });
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
[[gnu::noipa]] int recurse(volatile char* above, int depth) {
  volatile char here[512];
  here[0] = *above;
  return depth == 0 ? here[0] : recurse(here, depth - 1) + here[0];
}

[[gnu::noipa]] int step_far(volatile char* above, int depth) {
  volatile char here[12'000];  // three pages, of which only the far end is touched
  here[0] = *above;
  return depth == 0 ? here[0] : step_far(here, depth - 1) + here[0];
}

// More than a whole stack in one frame.
[[gnu::noipa]] int step_over(volatile char* above) {
  volatile char here[1'000'000];
  here[0] = *above;
  return here[0];
}

TEST(MigrationDeathTest, StackOverflowNamesTheFiber) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto overflow = [](auto body) {
    Runtime runtime;
    runtime.run([&] {
      spawn(
          [body] {
            char start = 1;
            if (body(&start) == 12345) throw 1;
          },
          {.name = "deep one"})
          .join();
    });
  };
  EXPECT_DEATH(overflow([](char* c) { return recurse(c, 1'000'000); }),
               "overflowed its stack.*deep one");
  EXPECT_DEATH(overflow([](char* c) { return step_far(c, 1'000'000); }),
               "overflowed its stack.*deep one");
  EXPECT_DEATH(overflow([](char* c) { return step_over(c); }), "overflowed its stack.*deep one");
}
#endif

}  // namespace
}  // namespace saola::runtime
