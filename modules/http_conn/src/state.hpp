// What all connections of a service share.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <stop_token>
#include <string_view>

#include <saola/http_conn/service.hpp>
#include <saola/runtime/park.hpp>
#include <saola/runtime/sync/event.hpp>

namespace saola::http_conn {

// What the service can end from another task. Called under its guard; must not suspend.
class Member {
 public:
  virtual ~Member() = default;
  virtual bool stop() = 0;   // if nothing is being done for a client; false: it goes on
  virtual void abort() = 0;  // whatever is being done

 private:
  friend struct Service::State;
  friend class Service;
  Member* next_ = nullptr;      // GUARDED_BY(guard)
  Member* previous_ = nullptr;  // GUARDED_BY(guard)
};

struct Service::State {
  State(http::Handler& h, ServiceOptions o, AccessSink* s);

  // Puts a member into the list and takes it out.
  void add(Member& member);
  void remove(Member& member);
  // A connection came (its task may not have begun) and went.
  void enter();
  void leave();

  http::Response error_response(int status, std::string_view detail, const http::Request& request);
  void report_exception(std::exception_ptr error, const http::Request& request);

  http::Handler& handler;
  const ServiceOptions options;
  AccessSink* const sink;
  std::uint32_t id_prefix;  // differs between processes and starts
  std::atomic<std::uint64_t> next_id{0};

  // Set before stop() looks at who is idle; a connection declares itself idle before it looks at
  // this. Both sequentially consistent: one of the two sees the other.
  std::atomic<bool> stopping{false};
  std::stop_source leaving;  // before stopping
  std::atomic<std::uint64_t> idle{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> requests{0};

  mutable runtime::SpinLock guard;
  Member* first = nullptr;   // GUARDED_BY(guard); the newest
  Member* last = nullptr;    // GUARDED_BY(guard)
  std::uint64_t open = 0;    // GUARDED_BY(guard)
  runtime::Event none_open;  // set while open is 0; changed under guard
};

}  // namespace saola::http_conn
