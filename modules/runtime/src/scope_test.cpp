#include <sys/socket.h>

#include <atomic>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <saola/runtime/inherited_local.hpp>
#include <saola/runtime/offload.hpp>
#include <saola/runtime/scope.hpp>
#include <saola/runtime/socket.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/sync/queue.hpp>
#include <saola/runtime/sync/semaphore.hpp>
#include <saola/runtime/task_group.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using ScopeTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(ScopeTest);
// For what spins until time passes.
using ScopeInRealTimeTest = BothModels;
SAOLA_BOTH_MODELS(ScopeInRealTimeTest);
using InheritedLocalTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(InheritedLocalTest);

TEST_P(ScopeTest, GivesBackWhatTheBodyReturns) {
  run([] {
    const Result<int> value = with_deadline(1h, [] { return 42; });
    EXPECT_EQ(value.value(), 42);
    const Result<void> nothing = with_deadline(1h, [] {});
    EXPECT_TRUE(nothing.has_value());
    const Result<int> own = with_deadline(
        1h, []() -> Result<int> { return fail(ErrorCode::kNotFound, "no such user"); });
    EXPECT_EQ(own.error().code(), ErrorCode::kNotFound);
    EXPECT_THROW(with_deadline(1h, [] { throw std::runtime_error("own"); }).value(),
                 std::runtime_error);
  });
}

TEST_P(ScopeTest, DeadlineEndsEverySuspendingCall) {
  run([] {
    const auto ends = [](auto body) {
      const auto end = with_deadline(2ms, body, "short");
      ASSERT_FALSE(end.has_value());
      EXPECT_EQ(end.error().code(), ErrorCode::kTimedOut);
      EXPECT_NE(end.error().message().find("'short'"), std::string::npos) << end.error().message();
    };
    ends([] { this_task::sleep_for(1h); });
    ends([] { Event().wait(); });
    ends([] { Semaphore(0).acquire(); });
    ends([] { Task(spawn([] { this_task::sleep_for(1h); })).join(); });
    ends([] {
      TaskGroup group;
      group.spawn([] { this_task::sleep_for(1h); });
      group.join();
    });
    ends([] {
      Queue<int> queue;
      return queue.pop();
    });
    ends([] {
      int pair[2];
      EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
      Socket a{unique_fd(pair[0])};
      Socket b{unique_fd(pair[1])};
      char byte;
      return a.read_some({&byte, 1}, Deadline::never());
    });
    this_task::yield();  // nothing of it is left
  });
}

TEST_P(ScopeTest, AnEarlierDeadlineOfTheCallItselfCounts) {
  run([] {
    const Result<bool> set = with_deadline(1h, [] { return Event().wait(Deadline::after(1ms)); });
    EXPECT_EQ(set.value(), false);
  });
}

TEST_P(ScopeTest, InnermostEndedScopeIsNamedThenTheOuterOne) {
  run([] {
    const Result<void> outer = with_deadline(
        Deadline::after(Duration::zero()),
        [] {
          const Result<void> inner = with_deadline(
              Deadline::after(Duration::zero()), [] { this_task::sleep_for(1h); }, "inner");
          ASSERT_FALSE(inner.has_value());
          EXPECT_NE(inner.error().message().find("'inner'"), std::string::npos);
          this_task::sleep_for(1h);
          ADD_FAILURE() << "the outer scope has ended as well";
        },
        "outer");
    ASSERT_FALSE(outer.has_value());
    EXPECT_NE(outer.error().message().find("'outer'"), std::string::npos);
    // Only the outer one ends: the inner lets it pass.
    const Result<void> passed = with_deadline(
        2ms,
        [] {
          (void)with_deadline(1h, [] { this_task::sleep_for(1h); }, "inner");
          ADD_FAILURE() << "the inner scope had not ended";
        },
        "outer");
    ASSERT_FALSE(passed.has_value());
    EXPECT_NE(passed.error().message().find("'outer'"), std::string::npos);
    EXPECT_TRUE(this_task::deadline().is_never());
  });
}

TEST_P(ScopeTest, ChildrenAndOffloadedCodeAreInside) {
  run([] {
    bool child_ended = false;
    const Result<void> end = with_deadline(5ms, [&] {
      EXPECT_FALSE(this_task::deadline().is_never());
      Task child = spawn([&] {
        EXPECT_FALSE(this_task::deadline().is_never());
        const this_task::Uncancellable guard;  // the handle's end cancels it
        child_ended = true;
      });
      child.join();
      Task other = spawn([] { this_task::sleep_for(1h); });
      EXPECT_THROW(other.join(), ScopeEnded);
      this_task::yield();
    });
    ASSERT_FALSE(end.has_value());
    EXPECT_EQ(end.error().code(), ErrorCode::kTimedOut);
    EXPECT_TRUE(child_ended);
    const Result<void> offloaded =
        with_deadline(2ms, [] { offload_blocking([] { this_task::sleep_for(1h); }); });
    ASSERT_FALSE(offloaded.has_value());
    EXPECT_EQ(offloaded.error().code(), ErrorCode::kTimedOut);
    offload_blocking([] { EXPECT_TRUE(this_task::deadline().is_never()); });
  });
}

TEST_P(ScopeTest, CancelEndsWhatIsInsideAndNothingElse) {
  run([] {
    Scope scope("work");
    std::atomic<int> inside{0};
    std::atomic<int> ended{0};
    TaskGroup group;
    for (int i = 0; i < 3; ++i) {
      group.spawn([&] {
        const Result<void> end = scope.run([&] {
          TaskGroup children;
          for (int c = 0; c < 3; ++c) {
            children.spawn([&] {
              const Result<void> nested = with_deadline(1h, [&] {
                ++inside;
                this_task::sleep_for(1h);
              });
              ADD_FAILURE() << "it was the outer scope that ended";
            });
          }
          children.join();
        });
        ASSERT_FALSE(end.has_value());
        EXPECT_EQ(end.error().code(), ErrorCode::kCancelled);
        EXPECT_NE(end.error().message().find("'work'"), std::string::npos);
        EXPECT_FALSE(this_task::cancel_requested());
        ++ended;
      });
    }
    while (inside < 9) this_task::yield();
    EXPECT_FALSE(scope.ended());
    std::jthread([&] { scope.cancel(); }).join();
    group.join();
    EXPECT_EQ(ended.load(), 3);
    EXPECT_TRUE(scope.ended());
    this_task::yield();
    const Result<void> late = scope.run([] { this_task::yield(); });
    EXPECT_EQ(late.error().code(), ErrorCode::kCancelled);
  });
}

TEST_P(ScopeTest, CancelOfTheTaskIsNotTakenForTheScope) {
  run([] {
    Task task = spawn([] {
      (void)with_deadline(1h, [] { this_task::sleep_for(1h); });
      ADD_FAILURE() << "a cancelled task must end";
    });
    this_task::yield();
    task.cancel();
    EXPECT_THROW(task.join(), Cancelled);
  });
}

TEST_P(ScopeTest, LocksAndGuardedCodeAreNotEnded) {
  run([] {
    const Result<void> end = with_deadline(1ms, [] {
      const this_task::Uncancellable guard;
      this_task::sleep_for(3ms);
      Mutex mutex;
      mutex.lock();
      Task other = spawn(
          [&] {
            this_task::sleep_for(3ms);
            mutex.unlock();
          },
          {.name = "holder"});
      (void)other;
      EXPECT_TRUE(this_task::deadline().passed());
      try {
        other.join();
      } catch (const Cancelled&) {
        mutex.unlock();  // its sleep was inside the scope
      }
      mutex.lock();
      mutex.unlock();
    });
    EXPECT_TRUE(end.has_value()) << "nothing suspended after the guard";
  });
}

TEST_P(ScopeInRealTimeTest, DeadlineEndsWhoOnlyYields) {
  run([] {
    const Result<void> end = with_deadline(2ms, [] {
      for (;;) this_task::yield();
    });
    EXPECT_EQ(end.error().code(), ErrorCode::kTimedOut);
  });
}

TEST_P(ScopeInRealTimeTest, ComputationMayAsk) {
  run([] {
    const Result<int> rounds = with_deadline(2ms, [] {
      int n = 0;
      while (!this_task::cancel_requested()) ++n;
      return n;
    });
    EXPECT_GT(rounds.value(), 0);
  });
}

const InheritedLocal<std::string> request_id;
const InheritedLocal<int> depth;

std::string request() {
  const std::string* id = request_id.get();
  return id != nullptr ? *id : "none";
}

TEST_P(InheritedLocalTest, ChildrenStartWithWhatTheParentHad) {
  run([] {
    EXPECT_EQ(request(), "none");
    request_id.set("a");
    depth.set(1);
    Task child = spawn([] {
      EXPECT_EQ(request(), "a");
      request_id.set("b");
      spawn([] {
        EXPECT_EQ(request(), "b");
        EXPECT_EQ(*depth.get(), 1);
      }).join();
    });
    request_id.set("c");
    child.join();
    EXPECT_EQ(request(), "c") << "a child changes only its own";
    TaskGroup group;
    group.spawn([] { EXPECT_EQ(request(), "c"); });
    group.join();
    offload_blocking([] { EXPECT_EQ(request(), "c"); });
    offload_cpu([] { EXPECT_EQ(request(), "c"); });
    {
      const InheritedLocal<std::string>::Scoped scoped(request_id, "d");
      EXPECT_EQ(request(), "d");
    }
    EXPECT_EQ(request(), "c");
  });
}

TEST(InheritedLocal, AFiberOfTheRuntimeItselfStartsWithNothing) {
  const LeakCheck leaks;
  Runtime runtime;
  request_id.set("outside");
  runtime.run([&] {
    EXPECT_EQ(request(), "none");
    request_id.set("inside");
    runtime.spawn([] { EXPECT_EQ(request(), "none"); }).join();
    // The block of a fiber is used again: nothing of the one before is left.
    spawn([] { request_id.set("x"); }).join();
    runtime.spawn([] { EXPECT_EQ(request(), "none"); }).join();
    offload_blocking([] { request_id.set("of a pool's thread"); });
    offload_blocking([] { EXPECT_EQ(request(), "inside"); });
  });
  EXPECT_EQ(request(), "outside");
}

}  // namespace
}  // namespace saola::runtime
