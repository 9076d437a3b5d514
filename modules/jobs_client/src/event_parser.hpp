// Takes a stream of server-sent events (WHATWG HTML §9.2.6) apart.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace saola::jobs_client {

struct ReceivedEvent {
  std::string type;  // empty: "message"
  std::string data;
  std::string id;  // the last one the stream gave
};

// Feed it bytes as they come; it calls `take` for each whole event. A line without an end is kept
// for the next call.
class EventParser {
 public:
  explicit EventParser(std::function<void(const ReceivedEvent&)> take) : take_(std::move(take)) {}
  void feed(std::string_view bytes);

 private:
  void line(std::string_view text);

  std::function<void(const ReceivedEvent&)> take_;
  std::string rest_;
  ReceivedEvent event_;
  bool has_data_ = false;
};

}  // namespace saola::jobs_client
