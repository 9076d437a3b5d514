// What the management bind answers, from the shared state, and from the application's store for /metrics.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <saola/http/handler.hpp>

#include "process/shared_state.hpp"
#include "worker/worker_process.hpp"

namespace saola::server {

// Reasons why the server cannot take requests now; empty when it can.
std::vector<std::string> why_not_ready(const SharedState& state);

// GET and HEAD of /healthz, /readyz and /metrics.
class ManagementHandler final : public http::Handler {
 public:
  // `stored`: further text for /metrics; may be empty.
  ManagementHandler(const WorkerProcess& process, std::function<std::string()> stored)
      : process_(process), stored_(std::move(stored)) {}
  http::Response handle(http::Request& request) override;

 private:
  const WorkerProcess& process_;
  const std::function<std::string()> stored_;
};

}  // namespace saola::server
