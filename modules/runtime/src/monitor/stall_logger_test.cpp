#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/runtime/stall_logger.hpp>

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// What a logger writes to standard error, the log's default.
std::string written(const std::vector<observe::StallReport>& reports) {
  testing::internal::CaptureStderr();
  StallLogger logger;
  for (const auto& report : reports) logger.report(report);
  return testing::internal::GetCapturedStderr();
}

TEST(StallLogger, SaysWhoDidWhatAndWhatWasDone) {
  const auto text = written({{.fiber = "report of the whole year",
                              .spawn_site = "app.cpp:12",
                              .duration = 31ms,
                              .action = observe::StallAction::kRescued,
                              .advice = "make it a job"}});
  EXPECT_THAT(text, HasSubstr("fiber report of the whole year has held the loop for 31 ms"));
  EXPECT_THAT(text, HasSubstr("rescued"));
  EXPECT_THAT(text, HasSubstr("app.cpp:12"));
  EXPECT_THAT(text, HasSubstr("make it a job"));
  EXPECT_THAT(written({{.spawn_site = "x"}}), HasSubstr("fiber (unnamed) has held"));
}

TEST(StallLogger, SaysWhoWaitsForALock) {
  EXPECT_THAT(written({{.phase = observe::StallPhase::kHoldsLock,
                        .fiber = "split",
                        .lock_waiters = {.tasks = 3, .longest = 52ms, .first = "GET /ping"}}}),
              HasSubstr("fiber split, rescued, holds a lock that 3 tasks wait for; GET /ping has "
                        "waited for 52 ms"));
}

TEST(StallLogger, OneLineForEachSiteActionAndPhase) {
  const observe::StallReport began{.fiber = "a", .spawn_site = "s"};
  observe::StallReport other = began;
  other.spawn_site = "t";
  observe::StallReport ended = began;
  ended.phase = observe::StallPhase::kEnded;
  const auto text = written({began, began, began, other, ended});
  EXPECT_EQ(std::ranges::count(text, '\n'), 3);
}

}  // namespace
}  // namespace saola::runtime
