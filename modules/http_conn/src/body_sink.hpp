// The body of a response that is made while it is sent.
#pragma once

#include <optional>

#include <saola/http/body.hpp>
#include <saola/http/serialise.hpp>

#include "connection.hpp"

namespace saola::http_conn {

class BodySink final : public http::BodyWriter {
 public:
  BodySink(Connection& connection, const http::ResponsePlan& plan)
      : connection_(connection), plan_(plan), left_(plan.length) {}

  Result<void> write(std::string_view bytes) override;
  Result<void> flush() override;
  bool client_gone() override;
  bool leaving() const override { return connection_.service_.leaving.stop_requested(); }
  void add_trailer(std::string_view name, std::string_view value) override;

  // Ends the body; fails when fewer bytes came than were promised.
  Result<void> finish();

 private:
  // Sends what is pending and then `bytes`.
  Result<void> send(std::string_view bytes);
  Result<void> remember(Result<void> result);

  Connection& connection_;
  const http::ResponsePlan& plan_;
  std::uint64_t left_;   // bytes still promised, of a body of known length
  std::string pending_;  // not yet framed
  http::Headers trailers_;
  std::optional<Error> failure_;
};

}  // namespace saola::http_conn
