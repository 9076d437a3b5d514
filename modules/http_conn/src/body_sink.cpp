#include "body_sink.hpp"

#include <stdexcept>

namespace saola::http_conn {
namespace {
// Small writes are gathered up to this many bytes.
constexpr std::size_t kGather = 16 * 1024;
}  // namespace

Result<void> BodySink::write(std::string_view bytes) {
  if (failure_) return fail(*failure_);
  if (plan_.delimiter == http::Delimiter::kLength) {
    if (bytes.size() > left_) {
      return remember(fail(ErrorCode::kInvalidArgument,
                           "a response body is longer than its announced length; the connection "
                           "will be cut"));
    }
    left_ -= bytes.size();
  }
  if (pending_.size() + bytes.size() < kGather) {
    pending_ += bytes;
    return {};
  }
  return send(bytes);
}

Result<void> BodySink::flush() {
  if (failure_) return fail(*failure_);
  return send({});
}

Result<void> BodySink::send(std::string_view bytes) {
  const std::size_t size = pending_.size() + bytes.size();
  std::string& out = connection_.out_;
  const bool chunked = plan_.delimiter == http::Delimiter::kChunked && size > 0;
  if (chunked) http::append_chunk_size(out, size);
  out += pending_;
  pending_.clear();
  connection_.body_bytes_ += size;
  if (chunked && bytes.empty()) out += "\r\n";
  connection_.look_at_clock();
  auto sent = connection_.write(bytes, More::kNo);
  // The end of this chunk goes out with the next bytes.
  if (chunked && !bytes.empty()) out += "\r\n";
  return remember(std::move(sent));
}

Result<void> BodySink::remember(Result<void> result) {
  if (!result) failure_ = result.error();
  return result;
}

Result<void> BodySink::finish() {
  if (failure_) return fail(*failure_);
  if (plan_.delimiter == http::Delimiter::kLength && left_ > 0) {
    return fail(ErrorCode::kInternal,
                "a response body ended {} bytes before its announced length; the connection is cut",
                left_);
  }
  std::string& out = connection_.out_;
  connection_.body_bytes_ += pending_.size();
  if (plan_.delimiter == http::Delimiter::kChunked) {
    http::append_chunk(out, pending_);
    http::append_last_chunk(out, trailers_);
  } else {
    out += pending_;
  }
  connection_.look_at_clock();
  return connection_.write({}, More::kNo);
}

bool BodySink::client_gone() {
  if (failure_) return true;
  // What comes meanwhile is the next request; the end of the stream is a client that left. (One
  // that only closed its sending side looks the same; event streams have no such clients.)
  const auto count = connection_.transport_.try_read(connection_.in_.room(256));
  if (count && *count > 0) connection_.in_.filled(*count);
  const bool gone = count ? *count == 0 : count.error().code() != ErrorCode::kUnavailable;
  if (gone) failure_ = Error(ErrorCode::kClosed, "the client closed the connection");
  return gone;
}

void BodySink::add_trailer(std::string_view name, std::string_view value) {
  if (!http::may_be_trailer(name)) {
    throw std::invalid_argument("this field may not be a trailer; set it before the body begins");
  }
  trailers_.add(name, value);
}

}  // namespace saola::http_conn
