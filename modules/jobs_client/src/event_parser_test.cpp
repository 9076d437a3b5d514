#include "event_parser.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace saola::jobs_client {
namespace {

std::vector<ReceivedEvent> parse(std::string_view stream, std::size_t piece) {
  std::vector<ReceivedEvent> events;
  EventParser parser([&](const ReceivedEvent& event) { events.push_back(event); });
  for (std::size_t at = 0; at < stream.size(); at += piece) parser.feed(stream.substr(at, piece));
  return events;
}

TEST(EventParser, TakesEventsApartHoweverTheyCome) {
  constexpr std::string_view kStream =
      ": a comment\nevent: progress\nid: 1\ndata: {\"a\":\ndata: 1}\n\n"
      "\n"
      "data:no space\r\nid\r\n\r\n"
      "event: lonely\n\n"
      "event: end\nid: 3\ndata\n\n"
      "data: unfinished\n";
  for (const std::size_t piece : {1U, 2U, 7U, 1000U}) {
    const auto events = parse(kStream, piece);
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[0].type, "progress");
    EXPECT_EQ(events[0].id, "1");
    EXPECT_EQ(events[0].data, "{\"a\":\n1}");
    EXPECT_EQ(events[1].type, "");
    EXPECT_EQ(events[1].id, "");
    EXPECT_EQ(events[1].data, "no space");
    EXPECT_EQ(events[2].type, "end");
    EXPECT_EQ(events[2].data, "");
  }
}

}  // namespace
}  // namespace saola::jobs_client
