// How much a client may ask one request to be. Defaults are Gunicorn's where it has one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace saola::http {

// What one request may be at most; beyond any of them it is answered with the status named here and
// its connection is closed.
//
//   http::Limits limits;
//   limits.body_size = 1 << 20;
//   RequestParser parser(limits);
struct Limits {
  // Bytes of the request line without its CRLF; more is answered 414.
  std::size_t request_line = 4094;
  // Bytes of one field line with its CRLF, as Gunicorn counts them; more is answered 431. Trailer
  // fields too.
  std::size_t field_size = 8190;
  // Field lines of a request, and of its trailers; more is answered 431.
  std::size_t field_count = 100;
  // Bytes of request line and fields together; more is answered 431. Trailers too. Less than
  // field_count fields of field_size: that much memory for each connection is a way to end a
  // server. A connection may take as much while a request comes in.
  std::size_t head_size = 256 * 1024;
  // Bytes of a body after decoding; more is answered 413.
  std::uint64_t body_size = 64 * 1024 * 1024;
};

}  // namespace saola::http
