// One connection: reads a request, has it handled, sends the response, and so on.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <saola/http/request_parser.hpp>
#include <saola/http/serialise.hpp>
#include <saola/http_conn/service.hpp>
#include <saola/http_conn/transport.hpp>
#include <saola/runtime/task.hpp>

#include "input.hpp"
#include "pace.hpp"
#include "state.hpp"

namespace saola::http_conn {

class BodySource;

// Lives on the stack of the task that serves it; used by that task only, but for stop() and
// abort().
class Connection final : public Member {
 public:
  Connection(Service::State& service, Transport& transport);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Until the client, a time-out, an error or the service ends it. SUSPENDS.
  void serve();

  bool stop() override;
  void abort() override { transport_.shutdown_both(); }

 private:
  friend class BodySource;
  friend class BodySink;

  // Waits for a complete head. False: there is none to come; what had to be answered has been.
  bool read_head();
  // Waits between requests, without buffers if it takes long; 0 or an error ends the connection.
  Result<std::size_t> read_idle();
  Result<std::size_t> fill(Deadline deadline);

  // Handles the request of parser_ and answers it. False: the connection ends.
  bool answer();
  http::Response call_handler(http::Request& request);
  // Answers what was refused or timed out, and lets the client see it.
  void refuse(int status, std::string_view detail);

  // Sends the response; an error says the client has not got the whole of it.
  Result<void> send(http::Response& response, const http::ResponsePlan& plan, More more);
  Result<void> send_text(std::string_view body, More more);
  Result<void> send_file(const http::FileBody& file);
  Result<void> send_stream(http::StreamBody& stream, const http::ResponsePlan& plan);
  // Sends out_ and then `body`. REQUIRES: now_ is now.
  Result<void> write(std::string_view body, More more);
  // Calls `send` for `bytes` bytes with the deadline that the client's pace leaves.
  template <typename Send>
  Result<void> send_in_time(std::uint64_t bytes, Send send);

  // Returns now_, which it sets: the clock costs, and most of what a connection does in turn needs
  // no other time.
  SteadyTime look_at_clock() { return now_ = steady_now(); }
  void begin(http::Request& request);
  void log(const http::Request& request, const http::Response& response, bool complete);
  http::ResponseContext context(const http::Request& request, bool keep_alive);
  // Whether another request's head is there already.
  bool next_is_here() const;
  // Has what the kernel holds back sent as soon as this task suspends (or hogs the loop): the next
  // handler may take its time. REQUIRES: on a fiber.
  void push_when_others_run();
  // Reads and throws away what the client still sends, for a while (see ServiceOptions): closing with
  // unread bytes would reset the connection and could take the response from the client. Returns at once when all that
  // has come was read, unless more is certain to come.
  void linger(bool more_will_come);

  Service::State& service_;
  Transport& transport_;
  std::atomic<bool> idle_{false};

  Input in_;
  std::string out_;  // bytes to be sent before anything else
  Pace write_pace_;
  http::RequestParser parser_;
  std::string remote_;
  std::uint64_t served_ = 0;
  std::uint64_t body_bytes_ = 0;  // of the present response
  SystemTime started_{};
  SteadyTime started_steady_{};
  SteadyTime now_{};                    // when look_at_clock() was last called
  std::atomic<bool> held_back_{false};  // part of a response, by More::kYes
  runtime::Task pusher_;                // of push_when_others_run(); ends before the rest does
  std::int64_t date_second_ = -1;
  std::array<char, 29> date_{};  // of date_second_
  std::array<char, 24> request_id_{};
};

}  // namespace saola::http_conn
