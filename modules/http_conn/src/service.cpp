#include <sys/socket.h>

#include <random>
#include <string>

#include <saola/base/check.hpp>
#include <saola/base/exception_text.hpp>
#include <saola/base/log.hpp>
#include <saola/http/problem.hpp>
#include <saola/http_conn/proxy_protocol.hpp>
#include <saola/http_conn/service.hpp>
#include <saola/runtime/task.hpp>

#include "connection.hpp"
#include "state.hpp"

namespace saola::http_conn {
namespace {

// Counts a connection as open from its arrival to its end.
class Presence {
 public:
  explicit Presence(Service::State& state) : state_(&state) { state.enter(); }
  Presence(Presence&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Presence& operator=(Presence&&) = delete;
  ~Presence() {
    if (state_ != nullptr) state_->leave();
  }

 private:
  Service::State* state_;
};

// A prologue, which the service may end: nothing is being done for a client yet.
class PrologueGuard final : public Member {
 public:
  // REQUIRES: `fd` stays open for as long as this lives.
  PrologueGuard(Service::State& service, int fd) : service_(service), fd_(fd) {
    service_.add(*this);
    if (service_.stopping.load()) stop();
  }
  ~PrologueGuard() override { service_.remove(*this); }
  bool stop() override {
    ::shutdown(fd_, SHUT_RDWR);
    return true;
  }
  void abort() override { stop(); }

 private:
  Service::State& service_;
  const int fd_;
};

void serve_on(Service::State& state, Transport& transport) {
  Connection connection(state, transport);
  connection.serve();
}

void ended_early(const Error& error) {
  runtime::this_task::check_cancelled();
  log_debug("a connection ended before its first request", {{"error", error.message()}});
}

void serve_socket(Service::State& state, runtime::Socket socket, const Prologue& prologue) {
  const auto deadline = Deadline::after(state.options.header_timeout);
  const int fd = socket.fd();
  std::string client;
  if (prologue.proxy == Prologue::Proxy::kExpected) {
    auto named = [&] {
      const PrologueGuard guard(state, fd);
      return read_proxy_header(socket, deadline);
    }();
    if (!named) return ended_early(named.error());
    client = std::move(*named);
  }
  if (prologue.tls == nullptr) {
    SocketTransport transport(std::move(socket), std::move(client));
    return serve_on(state, transport);
  }
  TlsTransport transport(std::move(socket), *prologue.tls, std::move(client));
  const auto shaken = [&] {
    const PrologueGuard guard(state, fd);
    return transport.handshake(deadline);
  }();
  if (!shaken) return ended_early(shaken.error());
  serve_on(state, transport);
}

}  // namespace

Service::State::State(http::Handler& h, ServiceOptions o, AccessSink* s)
    : handler(h), options(std::move(o)), sink(s), id_prefix(std::random_device()()) {
  none_open.set();
}

void Service::State::enter() {
  accepted.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(guard);
  if (open++ == 0) none_open.reset();
}

void Service::State::leave() {
  const std::lock_guard lock(guard);
  if (--open == 0) none_open.set();
}

void Service::State::add(Member& member) {
  const std::lock_guard lock(guard);
  member.next_ = first;
  (first != nullptr ? first->previous_ : last) = &member;
  first = &member;
}

void Service::State::remove(Member& member) {
  const std::lock_guard lock(guard);
  if (member.previous_ != nullptr) {
    member.previous_->next_ = member.next_;
  } else {
    first = member.next_;
  }
  (member.next_ != nullptr ? member.next_->previous_ : last) = member.previous_;
}

http::Response Service::State::error_response(int status, std::string_view detail,
                                              const http::Request& request) {
  if (options.error_response) {
    try {
      return options.error_response(status, detail, request);
    } catch (const std::exception& e) {
      log_error("the hook that makes error responses threw; the plain problem was sent",
                {{"what", e.what()}, {"request_id", request.request_id}});
    }
  }
  return http::problem_response({.status = status,
                                 .detail = std::string(detail),
                                 .request_id = std::string(request.request_id)});
}

void Service::State::report_exception(std::exception_ptr error, const http::Request& request) {
  if (options.on_exception) return options.on_exception(error, request);
  log_error("a handler threw; the client got a 500", {{"what", exception_text(error)},
                                                      {"method", request.method_name},
                                                      {"target", request.target},
                                                      {"request_id", request.request_id}});
}

Service::Service(http::Handler& handler, ServiceOptions options, AccessSink* sink)
    : state_(std::make_unique<State>(handler, std::move(options), sink)) {}

Service::~Service() {
  SAOLA_CHECK(state_->open == 0, "a Service ended while it had open connections");
}

void Service::serve(runtime::Socket socket, Prologue prologue) {
  const Presence presence(*state_);
  serve_socket(*state_, std::move(socket), prologue);
}

void Service::serve(Transport& transport) {
  const Presence presence(*state_);
  serve_on(*state_, transport);
}

void Service::start(runtime::Socket socket, Prologue prologue,
                    std::move_only_function<void()> on_closed) {
  // Always on a fiber (where there are fibers): what a connection costs depends on its requests.
  runtime::spawn(
      [state = state_.get(), prologue, presence = Presence(*state_), s = std::move(socket),
       done = std::move(on_closed)]() mutable {
        struct Closed {
          std::move_only_function<void()>& done;
          ~Closed() {
            if (done) done();
          }
        } const closed{done};
        serve_socket(*state, std::move(s), prologue);
      },
      {.name = "http connection", .placement = runtime::Placement::kFiber})
      .detach();
}

Result<void> Service::accept_from(runtime::Listener& listener, Prologue prologue) {
  constexpr Duration kPause = std::chrono::milliseconds(100);
  for (;;) {
    auto socket = listener.accept(Deadline::never());
    if (!socket) {
      const ErrorCode code = socket.error().code();
      if (code == ErrorCode::kCancelled || state_->stopping.load()) return {};
      if (code != ErrorCode::kResourceExhausted) {
        return fail(std::move(socket).error().wrap("accepting connections ended"));
      }
      log_warning("no connection can be accepted now; trying again in 0.1 s",
                  {{"error", socket.error().message()}});
      runtime::this_task::sleep_for(kPause);
      continue;
    }
    start(std::move(*socket), prologue);
  }
}

void Service::leave() {
  state_->leaving.request_stop();
}

void Service::stop() {
  leave();
  state_->stopping.store(true);
  const std::lock_guard lock(state_->guard);
  for (Member* m = state_->first; m != nullptr; m = m->next_) m->stop();
}

bool Service::end_oldest_idle() {
  const std::lock_guard lock(state_->guard);
  for (Member* m = state_->last; m != nullptr; m = m->previous_) {
    if (m->stop()) return true;
  }
  return false;
}

bool Service::wait_closed(Deadline deadline) {
  const bool closed = state_->none_open.wait(deadline);
  // Whoever ended last has let go of the state when we can have the guard: the caller may end it.
  const std::lock_guard lock(state_->guard);
  return closed;
}

void Service::abort() {
  leave();
  state_->stopping.store(true);
  const std::lock_guard lock(state_->guard);
  for (Member* m = state_->first; m != nullptr; m = m->next_) m->abort();
}

ServiceStats Service::stats() const {
  ServiceStats stats;
  stats.idle = state_->idle.load(std::memory_order_relaxed);
  stats.accepted = state_->accepted.load(std::memory_order_relaxed);
  stats.requests = state_->requests.load(std::memory_order_relaxed);
  const std::lock_guard lock(state_->guard);
  stats.open = state_->open;
  return stats;
}

}  // namespace saola::http_conn
