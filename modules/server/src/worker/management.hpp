// What the management bind answers, from the shared state alone.
#pragma once

#include <string>
#include <vector>

#include <saola/http/handler.hpp>

#include "process/shared_state.hpp"

namespace saola::server {

// Reasons why the server cannot take requests now; empty when it can.
std::vector<std::string> why_not_ready(const SharedState& state);

// GET and HEAD of /healthz, /readyz and /metrics.
class ManagementHandler final : public http::Handler {
 public:
  explicit ManagementHandler(const SharedState& state) : state_(state) {}
  http::Response handle(http::Request& request) override;

 private:
  const SharedState& state_;
};

}  // namespace saola::server
