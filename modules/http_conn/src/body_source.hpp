// The body of the request being handled, read from the connection.
#pragma once

#include <optional>

#include <saola/http/body.hpp>
#include <saola/http/body_decoder.hpp>

#include "connection.hpp"
#include "pace.hpp"

namespace saola::http_conn {

class BodySource final : public http::BodyReader {
 public:
  BodySource(Connection& connection, const http::RequestHead& head);

  Result<std::size_t> read(std::span<char> buffer) override;
  std::optional<std::uint64_t> length() const override { return length_; }
  http::HeaderView trailers() const override { return decoder_.trailers(); }

  bool done() const { return decoder_.done(); }
  // Why the client is to blame for a body that cannot be read, or empty; then status() answers it.
  std::string_view blame() const { return blame_; }
  int status() const { return status_; }
  bool failed() const { return failure_.has_value(); }
  // Whether the rest is short enough to be read for the sake of the next request.
  bool worth_draining() const;
  // Reads the rest. False: it is too long or does not come.
  bool drain();

 private:
  std::unexpected<Error> fail_with(Error error);
  Result<std::size_t> fill(std::span<char> direct);

  Connection& connection_;
  http::BodyDecoder decoder_;
  Pace pace_;
  std::optional<std::uint64_t> length_;
  std::uint64_t taken_ = 0;  // bytes
  bool continue_due_;        // the client waits for "100 Continue"
  int status_ = 0;
  std::string_view blame_;
  std::optional<Error> failure_;
};

}  // namespace saola::http_conn
