// Server-sent events (WHATWG HTML §9.2): a response that goes on as long as something happens.
//
//   return event_stream([lines](EventWriter& events) -> Result<void> {
//     for (const std::string& line : *lines) {
//       if (auto sent = events.send({.data = line, .event = "line"}); !sent) return sent;
//     }
//     return {};                                        // the stream ends
//   });
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/http/body.hpp>
#include <saola/http/response.hpp>

namespace saola::web {

// One event. Its texts are borrowed for the call.
struct ServerEvent {
  std::string_view data = {};   // may have several lines
  std::string_view event = {};  // its type; empty: "message"
  std::string_view id = {};     // comes back as Last-Event-ID when the client reconnects
  std::optional<Duration> retry = std::nullopt;  // how long the client waits before it reconnects
};

// What the client of a stream that ended because its worker leaves is asked to wait.
inline constexpr Duration kComeBack = std::chrono::seconds(2);

// Writes events. Used only during the call that got it. Every call SUSPENDS while the client does
// not read. An error means: return it. kClosed: the client went away. kCancelled: what was given
// has been sent, but the worker leaves; the stream then ends in good order, and the client is asked
// to come back in kComeBack.
//
//   event: job
//   id: 17
//   data: {"state":"running"}
class EventWriter {
 public:
  explicit EventWriter(http::BodyWriter& out) : out_(out) {}

  // Sends one event at once. kInvalidArgument, and nothing sent, when `event` or `id` holds a line
  // break or NUL: it would become another field.
  Result<void> send(const ServerEvent& event);
  // ": text", which clients ignore: keeps proxies from closing an idle stream (every 15 s will do),
  // and finds out whether the client is still there. A line break in it starts another comment
  // line.
  Result<void> comment(std::string_view text = {});
  // Has the client closed its connection? Never suspends.
  bool client_gone() { return out_.client_gone(); }
  // Does the worker leave? A stream that has nothing to send returns then. Never suspends.
  bool leaving() const { return out_.leaving(); }

 private:
  Result<void> write_now(std::string_view block);

  http::BodyWriter& out_;
};

// The response for `produce`, which is called when the head has been accepted, and whose return
// ends the stream. The request is gone by then: capture copies (Last-Event-ID too). Not cached, nor
// held back by nginx.
http::Response event_stream(std::move_only_function<Result<void>(EventWriter&)> produce);

}  // namespace saola::web
