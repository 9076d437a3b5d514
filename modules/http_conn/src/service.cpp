#include <unistd.h>

#include <random>
#include <string>

#include <saola/base/check.hpp>
#include <saola/base/log.hpp>
#include <saola/http/problem.hpp>
#include <saola/http_conn/service.hpp>
#include <saola/runtime/task.hpp>

#include "connection.hpp"
#include "state.hpp"

namespace saola::http_conn {
namespace {

std::string describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "not a std::exception";
  }
}

}  // namespace

Service::State::State(http::Handler& h, ServiceOptions o, AccessSink* s)
    : handler(h), options(std::move(o)), sink(s), id_prefix(std::random_device()()) {
  none_open.set();
}

void Service::State::add(Connection& connection) {
  accepted.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(guard);
  connection.next_ = first;
  if (first != nullptr) first->previous_ = &connection;
  first = &connection;
  if (open++ == 0) none_open.reset();
}

void Service::State::remove(Connection& connection) {
  const std::lock_guard lock(guard);
  if (connection.previous_ != nullptr) {
    connection.previous_->next_ = connection.next_;
  } else {
    first = connection.next_;
  }
  if (connection.next_ != nullptr) connection.next_->previous_ = connection.previous_;
  if (--open == 0) none_open.set();
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
  log_error("a handler threw; the client got a 500", {{"what", describe(error)},
                                                      {"method", request.method_name},
                                                      {"target", request.target},
                                                      {"request_id", request.request_id}});
}

Service::Service(http::Handler& handler, ServiceOptions options, AccessSink* sink)
    : state_(std::make_unique<State>(handler, std::move(options), sink)) {}

Service::~Service() {
  SAOLA_CHECK(state_->open == 0, "a Service ended while it had open connections");
}

void Service::serve(runtime::Socket socket) {
  SocketTransport transport(std::move(socket));
  serve(transport);
}

void Service::serve(Transport& transport) {
  Connection connection(*state_, transport);
  connection.serve();
}

Result<void> Service::accept_from(runtime::Listener& listener) {
  constexpr Duration kPause = std::chrono::milliseconds(100);
  for (;;) {
    auto socket = listener.accept(Deadline::never());
    if (!socket) {
      const ErrorCode code = socket.error().code();
      if (code == ErrorCode::kCancelled || state_->stopping.load()) return {};
      if (code != ErrorCode::kResourceExhausted) {
        return std::unexpected(std::move(socket).error().wrap("accepting connections ended"));
      }
      log_warning("no connection can be accepted now; trying again in 0.1 s",
                  {{"error", socket.error().message()}});
      runtime::this_task::sleep_for(kPause);
      continue;
    }
    // Always on a fiber (where there are fibers): what a connection costs depends on its requests.
    runtime::spawn([this, s = std::move(*socket)]() mutable { serve(std::move(s)); },
                   {.name = "http connection", .placement = runtime::Placement::kFiber})
        .detach();
  }
}

void Service::stop() {
  state_->stopping.store(true);
  const std::lock_guard lock(state_->guard);
  for (Connection* c = state_->first; c != nullptr; c = c->next_in_service()) c->stop_if_idle();
}

bool Service::wait_closed(Deadline deadline) {
  const bool closed = state_->none_open.wait(deadline);
  // Whoever ended last has let go of the state when we can have the guard: the caller may end it.
  const std::lock_guard lock(state_->guard);
  return closed;
}

void Service::abort() {
  state_->stopping.store(true);
  const std::lock_guard lock(state_->guard);
  for (Connection* c = state_->first; c != nullptr; c = c->next_in_service()) c->abort();
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
