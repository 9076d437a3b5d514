#include "connection.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include <saola/base/log.hpp>
#include <saola/http/date.hpp>
#include <saola/runtime/task.hpp>

#include "body_sink.hpp"
#include "body_source.hpp"
#include "state.hpp"

namespace saola::http_conn {
namespace {

// How long a quiet connection keeps its buffers: a busy client comes back sooner.
constexpr Duration kKeepBuffers = std::chrono::milliseconds(50);
constexpr std::size_t kLeastRoom = 1024;
// Bodies up to this size are copied behind the head, so that one call sends both.
constexpr std::size_t kCopied = 16 * 1024;
// What the write time-out is for.
constexpr std::size_t kPiece = 64 * 1024;
// Bodies from this size on are kept short in the kernel.
constexpr std::uint64_t kLarge = 256 * 1024;
// How long one that stops lingers on.
constexpr Duration kLastLinger = std::chrono::seconds(2);

}  // namespace

Connection::Connection(Service::State& service, Transport& transport)
    : service_(service),
      transport_(transport),
      write_pace_(service.options.write_timeout, service.options.min_rate),
      parser_(service.options.limits) {
  service_.add(*this);
}

Connection::~Connection() {
  service_.remove(*this);
}

bool Connection::stop() {
  const bool idle = idle_.load();
  if (idle) transport_.stop_reading();
  return idle;
}

void Connection::serve() {
  remote_ = transport_.peer_address();
  look_at_clock();
  while (read_head() && answer()) {
  }
  runtime::this_task::check_cancelled();
}

Result<std::size_t> Connection::fill(Deadline deadline) {
  auto count = transport_.read_some(in_.room(kLeastRoom), deadline);
  if (count) in_.filled(*count);
  return count;
}

Result<std::size_t> Connection::read_idle() {
  struct Idle {
    Connection& c;
    explicit Idle(Connection& connection) : c(connection) {
      c.service_.idle.fetch_add(1, std::memory_order_relaxed);
      c.idle_.store(true);
    }
    ~Idle() {
      c.idle_.store(false);
      c.service_.idle.fetch_sub(1, std::memory_order_relaxed);
    }
  } const idle(*this);
  if (service_.stopping.load()) {
    // What the client sent before it could know is still answered.
    auto count = transport_.try_read(in_.room(kLeastRoom));
    if (count) in_.filled(*count);
    return count;
  }
  const auto deadline = after(now_, service_.options.idle_timeout);
  auto count = fill(min(deadline, after(now_, kKeepBuffers)));
  if (count || count.error().code() != ErrorCode::kTimedOut) return count;
  in_.release();
  out_ = {};
  parser_.release();
  runtime::this_task::trim_stack();
  if (auto readable = transport_.wait_readable(deadline); !readable) {
    return fail(readable);
  }
  return fill(deadline);
}

bool Connection::read_head() {
  auto deadline = Deadline::never();
  for (;;) {
    if (!in_.empty()) {
      switch (parser_.parse(in_.unread())) {
        case http::RequestParser::State::kDone:
          return true;
        case http::RequestParser::State::kRefused:
          begin(parser_.head().request);
          refuse(parser_.refusal().status, parser_.refusal().reason);
          return false;
        case http::RequestParser::State::kNeedMore:
          break;
      }
      if (deadline.is_never()) deadline = Deadline::after(service_.options.header_timeout);
    }
    const auto count = in_.empty() ? read_idle() : fill(deadline);
    if (count && *count > 0) continue;
    if (!parser_.begun()) return false;
    if (count) {
      begin(parser_.head().request);
      refuse(400, "the connection ended inside the head of the request");
    } else if (count.error().code() == ErrorCode::kTimedOut) {
      begin(parser_.head().request);
      refuse(408, "the head of the request did not come within the header time-out");
    }
    return false;
  }
}

// Fills in what the parser cannot know.
void Connection::begin(http::Request& request) {
  request.remote_address = remote_;
  request.scheme = transport_.scheme();
  request.client_certificate = transport_.client_certificate();
  request.leaving = service_.leaving.get_token();
  // Eight digits of the process, then the number of the request.
  char* end = request_id_.data();
  std::uint32_t prefix = service_.id_prefix;
  for (int i = 0; i < 8; ++i, prefix <<= 4) *end++ = "0123456789abcdef"[prefix >> 28];
  *end++ = '-';
  end = std::to_chars(end, request_id_.data() + request_id_.size(),
                      service_.next_id.fetch_add(1, std::memory_order_relaxed), 36)
            .ptr;
  request.request_id = {request_id_.data(), end};
  started_ = real_clock().system_now();
  started_steady_ = look_at_clock();
  body_bytes_ = 0;
  out_.clear();
}

http::ResponseContext Connection::context(const http::Request& request, bool keep_alive) {
  const SteadyTime now = look_at_clock();
  const auto date = std::chrono::floor<std::chrono::seconds>(started_ + (now - started_steady_));
  if (const auto second = date.time_since_epoch().count(); second != date_second_) {
    http::format_http_date(date).copy(date_.data(), date_.size());
    date_second_ = second;
  }
  return {request.method, request.version, keep_alive, {date_.data(), date_.size()}};
}

bool Connection::next_is_here() const {
  return in_.unread().find("\r\n\r\n") != std::string_view::npos;
}

bool Connection::answer() {
  http::RequestHead& head = parser_.head();
  http::Request& request = head.request;
  in_.pin(parser_.head_size());
  begin(request);
  ++served_;
  BodySource source(*this, head);
  if (head.framing != http::Framing::kNone) request.body = &source;

  http::Response response = call_handler(request);
  if (source.failed() && source.blame().empty()) {
    // The client left, or we are to: there is nobody to answer.
    look_at_clock();
    log(request, response, false);
    return false;
  }
  if (!source.blame().empty()) {
    response = service_.error_response(source.status(), source.blame(), request);
  } else if (response.status < 200 || response.status > 999) {
    log_error("a handler returned an invalid status; 500 was sent instead",
              {{"status", response.status}, {"request_id", request.request_id}});
    response = service_.error_response(500, "the application returned an invalid status", request);
  }
  const bool may_stay = head.keep_alive && !service_.leaving.stop_requested() &&
                        source.worth_draining() && served_ != service_.options.max_requests;
  const auto plan = http::append_head(out_, response, context(request, may_stay));
  const bool gather =
      plan.keep_alive && source.done() && runtime::this_task::on_fiber() && next_is_here();
  const auto sent = send(response, plan, gather ? More::kYes : More::kNo);
  log(request, response, sent.has_value());
  if (!sent) {
    transport_.reset_on_close();
    return false;
  }
  const bool all_read = source.done();
  if (!plan.keep_alive || !source.drain()) {
    linger(!source.done());
    return false;
  }
  if (!all_read) look_at_clock();
  held_back_.store(gather);
  if (gather) push_when_others_run();
  parser_.reset();
  in_.unpin();
  return true;
}

void Connection::push_when_others_run() {
  if (pusher_ && !pusher_.done()) return;  // its turn has not come yet
  if (pusher_) pusher_.join();
  pusher_ = runtime::spawn(
      [this] {
        while (held_back_.exchange(false)) transport_.push();
      },
      {.name = "http push", .placement = runtime::Placement::kFiber});
}

http::Response Connection::call_handler(http::Request& request) {
  // For stall reports: what this task works on.
  std::array<char, 96> activity;
  const std::size_t method = request.method_name.copy(activity.data(), 30);
  activity[method] = ' ';
  const std::size_t path = request.raw_path.copy(activity.data() + method + 1, 64);
  runtime::this_task::set_activity({activity.data(), method + 1 + path});
  try {
    return service_.handler.handle(request);
  } catch (const runtime::Cancelled&) {
    // One that is not ours came out of a task the handler waited for.
    runtime::this_task::check_cancelled();
    service_.report_exception(std::current_exception(), request);
  } catch (...) {
    service_.report_exception(std::current_exception(), request);
  }
  return service_.error_response(500, "the server failed while it handled the request", request);
}

void Connection::refuse(int status, std::string_view detail) {
  const http::Request& request = parser_.head().request;
  http::Response response = service_.error_response(status, detail, request);
  const auto plan = http::append_head(out_, response, context(request, false));
  const auto sent = send(response, plan, More::kNo);
  log(request, response, sent.has_value());
  if (sent) linger(true);
}

void Connection::log(const http::Request& request, const http::Response& response, bool complete) {
  service_.requests.fetch_add(1, std::memory_order_relaxed);
  if (service_.sink == nullptr) return;
  service_.sink->on_access({request, response.status, response.headers, body_bytes_, started_,
                            now_ - started_steady_, complete});
}

Result<void> Connection::send(http::Response& response, const http::ResponsePlan& plan, More more) {
  if (plan.delimiter == http::Delimiter::kNoBody ||
      (plan.delimiter == http::Delimiter::kLength && plan.length == 0)) {
    return write({}, more);
  }
  if (const auto* text = std::get_if<std::string>(&response.body)) return send_text(*text, more);
  if (const auto* shared = std::get_if<std::shared_ptr<const std::string>>(&response.body)) {
    return send_text(**shared, more);
  }
  if (const auto* file = std::get_if<http::FileBody>(&response.body)) return send_file(*file);
  return send_stream(std::get<http::StreamBody>(response.body), plan);
}

Result<void> Connection::send_text(std::string_view body, More more) {
  body_bytes_ = body.size();
  if (body.size() > kCopied) return write(body, more);
  out_ += body;
  return write({}, more);
}

template <typename Send>
Result<void> Connection::send_in_time(std::uint64_t bytes, Send send) {
  const SteadyTime begun = now_;
  auto sent = send(after(begun, write_pace_.left()));
  look_at_clock();
  if (sent) write_pace_.moved(bytes, now_ - begun);
  return sent;
}

Result<void> Connection::write(std::string_view body, More more) {
  if (body.empty() && out_.empty()) return {};
  if (body.size() >= kLarge) transport_.limit_unsent();
  do {
    const std::string_view piece = body.substr(0, kPiece);
    body.remove_prefix(piece.size());
    std::array<iovec, 2> parts{iovec{out_.data(), out_.size()},
                               iovec{const_cast<char*>(piece.data()), piece.size()}};
    const std::span used = piece.empty() ? std::span(parts).first(1) : std::span(parts);
    auto sent = send_in_time(out_.size() + piece.size(), [&](Deadline deadline) {
      return transport_.write_all(used, body.empty() ? more : More::kYes, deadline);
    });
    if (!sent) return sent;
    out_.clear();
  } while (!body.empty());
  return {};
}

Result<void> Connection::send_file(const http::FileBody& file) {
  if (file.length >= kLarge) transport_.limit_unsent();
  std::array<iovec, 1> head{iovec{out_.data(), out_.size()}};
  auto sent = send_in_time(out_.size(), [&](Deadline deadline) {
    return transport_.write_all(head, More::kYes, deadline);
  });
  if (!sent) return sent;
  out_.clear();
  while (body_bytes_ < file.length) {
    const std::uint64_t piece = std::min<std::uint64_t>(file.length - body_bytes_, kPiece);
    sent = send_in_time(piece, [&](Deadline deadline) {
      return transport_.send_file(file.fd.get(), file.offset + body_bytes_, piece, deadline);
    });
    if (!sent) return sent;
    body_bytes_ += piece;
  }
  return {};
}

Result<void> Connection::send_stream(http::StreamBody& stream, const http::ResponsePlan& plan) {
  transport_.limit_unsent();
  BodySink sink(*this, plan);
  try {
    if (auto made = stream.produce(sink); !made) return made;
  } catch (const runtime::Cancelled&) {
    runtime::this_task::check_cancelled();
    return fail(ErrorCode::kCancelled, "a task that the response waited for was cancelled");
  } catch (...) {
    service_.report_exception(std::current_exception(), parser_.head().request);
    return fail(ErrorCode::kInternal, "the response's stream threw");
  }
  return sink.finish();
}

void Connection::linger(bool more_will_come) {
  if (!more_will_come && in_.empty()) {
    const auto count = transport_.try_read(in_.room(kLeastRoom));
    if (!count || *count == 0) return;
  }
  transport_.shutdown_write();
  auto end = after(look_at_clock(), service_.options.linger_time);
  for (bool stopping = false; !end.passed();) {
    in_.consume(in_.unread().size());
    if (!stopping && service_.stopping.load()) {
      stopping = true;
      end = min(end, after(now_, kLastLinger));
    }
    const auto count = fill(min(end, after(now_, service_.options.linger_timeout)));
    if (!count || *count == 0) return;
    look_at_clock();
  }
}

}  // namespace saola::http_conn
