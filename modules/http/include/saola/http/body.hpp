// Bodies as streams: BodyReader pulls a request's, BodyWriter pushes a response's.
//
//   std::array<char, 16 * 1024> buffer;
//   for (;;) {
//     const Result<std::size_t> n = request.body->read(buffer);
//     if (!n) return problem_response(problem_from(n.error()));
//     if (*n == 0) break;
//     hash.update({buffer.data(), *n});
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/http/headers.hpp>

namespace saola::http {

// The body of a request, read once from start to end. Not thread-safe. In a server, reading may
// suspend the fiber (or block the thread) until bytes come; the first read sends "100 Continue"
// when the client waits for it.
class BodyReader {
 public:
  virtual ~BodyReader() = default;

  // Reads 1 to buffer.size() bytes; 0 is the end of the body. Errors: kTooLarge (more than the
  // server's limit: answer 413), kInvalidArgument (broken framing: 400), kTimedOut (408), kClosed
  // (the client went away), kCancelled (the server stops). An error repeats on further reads.
  // REQUIRES: buffer is not empty.
  virtual Result<std::size_t> read(std::span<char> buffer) = 0;

  // The announced length in bytes; nullopt for a chunked body.
  virtual std::optional<std::uint64_t> length() const = 0;

  // The trailer fields; empty before the end of the body. Valid as long as the reader.
  virtual HeaderView trailers() const { return {}; }

  // Everything that is left, at most `limit` bytes; kTooLarge when there is more (at once when the
  // announced length says so), and the other errors of read(). Memory grows with what came, not
  // with what was announced.
  Result<std::string> read_all(std::size_t limit);
};

// A body of no bytes. Shared, stateless.
BodyReader& no_body();

// A body kept in memory, for tests and for servers that buffer. Borrows the text.
//
//   http::StringBodyReader body("a=1&b=2");
//   http::Request request;
//   request.method = http::Method::kPost;
//   request.body = &body;
class StringBodyReader final : public BodyReader {
 public:
  explicit StringBodyReader(std::string_view text) : text_(text), length_(text.size()) {}
  Result<std::size_t> read(std::span<char> buffer) override;
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::string_view text_;  // what is left
  std::uint64_t length_;
};

// Where a stream body goes. Not thread-safe; used only during the StreamBody's call.
//
//   [rows](BodyWriter& out) -> Result<void> {
//     for (const std::string& row : *rows) {
//       if (out.leaving()) break;
//       if (auto written = out.write(row); !written) return written;
//     }
//     out.add_trailer("X-Rows", std::to_string(rows->size()));
//     return {};
//   }
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;

  // Takes all of `bytes`, perhaps into a buffer. Suspends the fiber (or blocks the thread) while
  // the client does not take them, up to the server's write time-out. Errors: kClosed (the client
  // went away), kTimedOut, kCancelled, kInvalidArgument (more bytes than StreamBody::length). After
  // an error the stream should return; the error repeats on further calls.
  virtual Result<void> write(std::string_view bytes) = 0;

  // Sends what is buffered. An event stream calls it after every event.
  virtual Result<void> flush() = 0;

  // Whether the client closed its connection: for a stream that waits for something else
  // meanwhile. Never suspends.
  virtual bool client_gone() = 0;

  // Whether the worker leaves (the server stops, or a successor takes over): a body without an end
  // of its own should end now, in good order. One that goes on is cut after --graceful-timeout.
  // Never suspends.
  virtual bool leaving() const { return false; }

  // A field to send after the last chunk; ignored when the body is not chunked. Throws
  // std::invalid_argument as Headers::add does, and for a field that may not be a trailer.
  virtual void add_trailer(std::string_view name, std::string_view value) = 0;
};

}  // namespace saola::http
