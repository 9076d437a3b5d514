#include "body_source.hpp"

#include <array>

#include "state.hpp"

namespace saola::http_conn {
namespace {

// From this size on, bytes are read into the handler's own buffer.
constexpr std::size_t kDirect = 4096;
constexpr std::size_t kRoom = 16 * 1024;

}  // namespace

BodySource::BodySource(Connection& connection, const http::RequestHead& head)
    : connection_(connection),
      decoder_(head.framing, head.content_length, connection.service_.options.limits),
      pace_(connection.service_.options.body_timeout, connection.service_.options.min_rate),
      continue_due_(head.expect_continue && head.framing != http::Framing::kNone) {
  if (head.framing != http::Framing::kChunked) length_ = head.content_length;
}

Result<std::size_t> BodySource::read(std::span<char> buffer) {
  if (failure_) return fail(*failure_);
  for (;;) {
    // Decoding no more than fits means that every piece fits.
    const std::string_view unread = connection_.in_.unread().substr(0, buffer.size());
    const auto step = decoder_.step(unread);
    switch (step.state) {
      case http::BodyDecoder::State::kData:
        step.data.copy(buffer.data(), step.data.size());
        connection_.in_.consume(step.consumed);
        taken_ += step.data.size();
        continue_due_ = false;  // it did not wait
        return step.data.size();
      case http::BodyDecoder::State::kDone:
        connection_.in_.consume(step.consumed);
        return 0;
      case http::BodyDecoder::State::kRefused:
        status_ = decoder_.refusal().status;
        blame_ = decoder_.refusal().reason;
        return fail_with(Error(
            status_ == 413 || status_ == 431 ? ErrorCode::kTooLarge : ErrorCode::kInvalidArgument,
            std::string(blame_)));
      case http::BodyDecoder::State::kNeedMore:
        connection_.in_.consume(step.consumed);
        if (!connection_.in_.empty()) break;
        auto direct = fill(buffer);
        if (!direct) return fail_with(std::move(direct).error());
        if (*direct > 0) return *direct;
        break;
    }
  }
}

// Reads from the connection: into `direct` when the bytes are data for certain, else into its input
// buffer. Returns how many bytes of body `direct` holds now.
Result<std::size_t> BodySource::fill(std::span<char> direct) {
  Transport& transport = connection_.transport_;
  if (continue_due_) {
    continue_due_ = false;
    connection_.out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    connection_.look_at_clock();
    if (auto sent = connection_.write({}, More::kNo); !sent) {
      return fail(sent);
    }
  }
  const SteadyTime begun = steady_now();
  const auto deadline = after(begun, pace_.left());
  const std::uint64_t certain = decoder_.data_left();
  const bool is_direct = direct.size() >= kDirect && certain >= kDirect;
  auto count = [&] {
    if (!is_direct) return connection_.fill(deadline);
    return transport.read_some(
        direct.first(static_cast<std::size_t>(std::min<std::uint64_t>(direct.size(), certain))),
        deadline);
  }();
  if (!count) {
    if (count.error().code() == ErrorCode::kTimedOut) {
      status_ = 408;
      blame_ = "the request body came too slowly or not at all";
    }
    return count;
  }
  if (*count == 0) {
    // A client that is still there to read learns that nothing was made of its part of a body.
    status_ = 400;
    blame_ = "the connection ended inside the request body";
    return fail(ErrorCode::kClosed, "{}", blame_);
  }
  pace_.moved(*count, steady_now() - begun);
  if (!is_direct) return 0;
  decoder_.step({direct.data(), *count});
  taken_ += *count;
  return *count;
}

std::unexpected<Error> BodySource::fail_with(Error error) {
  failure_ = error;
  return fail(std::move(error));
}

bool BodySource::worth_draining() const {
  if (decoder_.done()) return true;
  if (failure_ || (continue_due_ && connection_.in_.empty())) return false;
  return !length_ || *length_ - taken_ <= connection_.service_.options.drain_limit;
}

bool BodySource::drain() {
  std::array<char, 512> scrap;
  for (std::uint64_t total = 0; total <= connection_.service_.options.drain_limit;) {
    const auto count = read(scrap);
    if (!count) return false;
    if (*count == 0) return true;
    total += *count;
  }
  return false;
}

}  // namespace saola::http_conn
