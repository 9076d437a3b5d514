#include <time.h>

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <saola/runtime/offload.hpp>
#include <saola/runtime/task.hpp>
#include <saola/testing/no_stall.hpp>

namespace saola::testing {
namespace {

using namespace std::chrono_literals;

[[gnu::noinline]] void compute_for(Duration duration) {
  const auto cpu_now = [] {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
  };
  const auto end = cpu_now() + duration;
  while (cpu_now() < end) {
  }
}

TEST(AssertNoStall, FindsAHogThatIsAlone) {
  try {
    assert_no_stall(20ms, [] { compute_for(100ms); });
    ADD_FAILURE() << "the stall was not seen";
  } catch (const Stalled& stalled) {
    ASSERT_FALSE(stalled.reports().empty());
    EXPECT_EQ(stalled.reports().front().fiber, "body");
    EXPECT_GE(stalled.reports().front().duration, 80ms);
    EXPECT_TRUE(std::string(stalled.what()).starts_with("fiber body (")) << stalled.what();
  }
}

TEST(AssertNoStall, FindsAHogAmongTheTasksThatTheBodySpawned) {
  EXPECT_THROW(
      assert_no_stall(20ms,
                      [] { runtime::spawn([] { compute_for(100ms); }, {.name = "child"}).join(); }),
      Stalled);
}

TEST(AssertNoStall, FindsAHogThatTheBodyLeftBehind) {
  EXPECT_THROW(assert_no_stall(20ms,
                               [] {
                                 runtime::spawn([] {
                                   runtime::this_task::sleep_for(1ms);
                                   compute_for(100ms);
                                 }).detach();
                               }),
               Stalled);
}

TEST(AssertNoStall, FindsACallThatBlocksTheThread) {
  EXPECT_THROW(assert_no_stall(20ms,
                               [] {
                                 const timespec pause{.tv_sec = 0, .tv_nsec = 100'000'000};
                                 ::nanosleep(&pause, nullptr);
                               }),
               Stalled);
}

// The computation is the same, but off the loop.
TEST(AssertNoStall, LetsPassWhatLeavesTheLoopToOthers) {
  assert_no_stall(500ms, [] {
    runtime::offload_cpu([] { compute_for(50ms); });
    for (int i = 0; i < 20; ++i) runtime::this_task::sleep_for(1ms);
  });
}

TEST(AssertNoStall, ThrowsWhatTheBodyThrows) {
  EXPECT_THROW(assert_no_stall(500ms, [] { throw std::logic_error("own"); }), std::logic_error);
}

}  // namespace
}  // namespace saola::testing
