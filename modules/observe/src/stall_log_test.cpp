#include <thread>

#include <gtest/gtest.h>

#include <saola/observe/event_ring.hpp>
#include <saola/observe/stall_log.hpp>

namespace saola::observe {
namespace {

using std::chrono::milliseconds;

StallReport stall(std::string fiber, std::uintptr_t address, int duration_ms) {
  StallReport report;
  report.fiber = std::move(fiber);
  report.duration = milliseconds(duration_ms);
  report.stack.push_back({address, "split()", "split.cpp", 7});
  report.action = StallAction::kRescued;
  return report;
}

TEST(StallLog, MergesReportsWithTheSameStack) {
  StallLog log;
  log.report(stall("a", 1, 30));
  log.report(stall("b", 1, 5));
  log.report(stall("a", 1, 20));
  log.report(stall("a", 2, 1));
  const auto entries = log.entries();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].latest.stack[0].address, 2u);
  EXPECT_EQ(entries[1].latest.fiber, "a");
  EXPECT_EQ(entries[1].count, 2u);
  EXPECT_EQ(entries[1].longest, Duration(milliseconds(30)));
  EXPECT_EQ(entries[1].latest.duration, Duration(milliseconds(20)));
  EXPECT_EQ(log.total(), 4u);
}

TEST(StallLog, TheEndOfAStallIsNoStallOfItsOwn) {
  StallLog log;
  log.report(stall("a", 1, 10));
  StallReport end = stall("a", 1, 500);
  end.phase = StallPhase::kEnded;
  log.report(end);
  StallReport placed = stall("b", 2, 0);
  placed.action = StallAction::kPlaced;
  log.report(placed);
  StallReport pardoned = placed;
  pardoned.phase = StallPhase::kEnded;
  pardoned.fiber.clear();  // a pardon is of the kind
  log.report(pardoned);
  EXPECT_EQ(log.total(), 2u);
  const auto entries = log.entries();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].count, 1u);
  EXPECT_EQ(entries[1].count, 1u);
  EXPECT_EQ(entries[1].longest, Duration(milliseconds(500)));
}

TEST(StallLog, ForgetsTheOldestEntryButCountsIt) {
  StallLog log(2);
  for (std::uintptr_t address : {1, 2, 3}) log.report(stall("a", address, 1));
  const auto entries = log.entries();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].latest.stack[0].address, 3u);
  EXPECT_EQ(entries[1].latest.stack[0].address, 2u);
  EXPECT_EQ(log.total(), 3u);
}

TEST(StallLog, IsBoundedWhenNobodyReads) {
  StallLog log;
  for (int i = 0; i < 5000; ++i) log.report(stall("a", 1, 1));
  EXPECT_EQ(log.total(), 5000u);
  const auto entries = log.entries();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].count, 1024u);
  log.report(stall("a", 1, 1));
  EXPECT_EQ(log.entries()[0].count, 1025u);
}

TEST(StallLog, ReportsWhileOthersRead) {
  StallLog log;
  std::jthread monitor([&] {
    for (int i = 0; i < 1000; ++i) log.report(stall("a", 1, 1));
  });
  while (log.total() < 1000) log.entries();
  monitor.join();
  ASSERT_EQ(log.entries().size(), 1u);
  EXPECT_EQ(log.entries()[0].count, 1000u);
}

TEST(StackFrame, SaysWhatIsKnown) {
  EXPECT_EQ(to_string(StackFrame{0x10, "split()", "split.cpp", 7}), "split() at split.cpp:7");
  EXPECT_EQ(to_string(StackFrame{0x10, "", "", 0}), "0x10");
}

TEST(EventRing, KeepsTheNewest) {
  EventRing ring(2);
  for (const char* text : {"one", "two", "three"}) ring.add("worker", text);
  const auto events = ring.since();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].text, "two");
  EXPECT_EQ(events[0].number, 2u);
  EXPECT_EQ(ring.since(2).size(), 1u);
  EXPECT_TRUE(ring.since(3).empty());
}

}  // namespace
}  // namespace saola::observe
