#include <memory>

#include <gtest/gtest.h>

#include <saola/runtime/runtime.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/sync/shared_mutex.hpp>

#include "monitor/test_hog.hpp"

namespace saola::runtime {
namespace {

using Lock = std::move_only_function<void()>;

// A fiber computes with a lock held, which two others want: one queues before it is rescued (while
// it sleeps), one after.
std::vector<observe::StallReport> reports_of(Lock lock, Lock unlock, Lock lock_again,
                                             Lock unlock_again) {
  Sink sink;
  auto runtime = std::make_unique<Runtime>(RuntimeOptions{.stall_sink = &sink});
  runtime->run([&] {
    Pulse pulse;
    Task hog = spawn(
        [&] {
          lock();
          this_task::sleep_for(5ms);
          burn_cpu_for(300ms);
          unlock();
        },
        {.name = "hog"});
    const auto wait = [&] {
      lock_again();
      unlock_again();
    };
    this_task::yield();  // the hog has the lock
    Task before = spawn(
        [&] {
          this_task::set_activity("GET /early");
          wait();
        },
        {.name = "early"});
    while (runtime->stats().rescues == 0) this_task::sleep_for(1ms);
    Task after = spawn([&] { wait(); }, {.name = "late"});
    Task stranger = spawn([] { this_task::sleep_for(50ms); }, {.name = "stranger"});
    hog.join();
    before.join();
    after.join();
    stranger.join();
    pulse.stop();
  });
  runtime.reset();  // has told the last of them
  return sink.take();
}

void expect_told(const std::vector<observe::StallReport>& reports) {
  int told = 0;
  const observe::StallReport* end = nullptr;
  for (const auto& report : reports) {
    EXPECT_EQ(report.fiber, "hog");
    if (report.phase == observe::StallPhase::kEnded) end = &report;
    if (report.phase != observe::StallPhase::kHoldsLock) continue;
    ++told;
    EXPECT_GE(report.lock_waiters.tasks, 1U);
    EXPECT_GE(report.lock_waiters.longest, 10ms);
    EXPECT_EQ(report.lock_waiters.first, "GET /early");
    EXPECT_NE(report.advice.find("lock"), std::string::npos);
  }
  EXPECT_EQ(told, 1);
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(end->lock_waiters.tasks, 2U);
}

TEST(LockWaits, MutexHeldByARescuedFiberIsReportedWithItsWaiters) {
  Mutex mutex;
  expect_told(reports_of([&] { mutex.lock(); }, [&] { mutex.unlock(); }, [&] { mutex.lock(); },
                         [&] { mutex.unlock(); }));
}

TEST(LockWaits, SharedMutexHeldByARescuedWriterIsReportedWithItsReaders) {
  SharedMutex mutex;
  expect_told(reports_of([&] { mutex.lock(); }, [&] { mutex.unlock(); },
                         [&] { mutex.lock_shared(); }, [&] { mutex.unlock_shared(); }));
}

TEST(LockWaits, RescuedFiberWithoutALockIsNotAccused) {
  const auto nothing = [] {};
  for (const auto& report : reports_of(nothing, nothing, nothing, nothing)) {
    EXPECT_NE(report.phase, observe::StallPhase::kHoldsLock);
    EXPECT_EQ(report.lock_waiters.tasks, 0U);
  }
}

// The monitor asks the loop who waits; a fiber that runs on while only that question waits holds
// nobody up.
TEST(LockWaits, TheMonitorsQuestionIsNobodyWhoWaits) {
  Sink sink;
  Runtime runtime({.learn_placement = false, .stall_sink = &sink});
  runtime.run([&] {
    Task first;
    {
      Pulse pulse;
      first = spawn([] { burn_cpu_for(600ms); }, {.name = "first"});
      while (runtime.stats().rescues == 0) this_task::sleep_for(1ms);
      pulse.stop();
    }
    Task second = spawn([] { burn_cpu_for(300ms); }, {.name = "second"});
    second.join();
    first.join();
  });
  EXPECT_EQ(runtime.stats().stalls, 1U);
}

}  // namespace
}  // namespace saola::runtime
