#include "worker/management.hpp"

#include <chrono>

#include <fmt/core.h>

#include <saola/http/problem.hpp>
#include <saola/server/health.hpp>
#include <saola/server/server.hpp>

namespace saola::server {
namespace {

// A worker beats twice a second; one this silent is not answering.
constexpr Duration kSilent = std::chrono::milliseconds(2500);

}  // namespace

std::vector<std::string> why_not_ready(const SharedState& state) {
  std::vector<std::string> reasons;
  if (state.server().stopping.load(std::memory_order_relaxed)) {
    return {"the server is stopping"};
  }
  for (const SharedText& why_paused : state.server().why_paused) {
    if (std::string why = why_paused.read(); !why.empty()) reasons.push_back(std::move(why));
  }
  if (!reasons.empty()) return reasons;
  for (std::size_t i = 0; i < state.slots(); ++i) {
    const SlotState& slot = state.slot(i);
    const Stage stage = slot.stage.load(std::memory_order_relaxed);
    if (slot.role.load(std::memory_order_relaxed) != static_cast<std::uint32_t>(Role::kWeb) ||
        stage == Stage::kFree) {
      continue;
    }
    const unsigned number = slot.number.load(std::memory_order_relaxed);
    if (stage != Stage::kServing) {
      reasons.push_back(fmt::format("web {} is {}", number, to_string(stage)));
    } else if (slot.not_ready.load(std::memory_order_relaxed)) {
      reasons.push_back(fmt::format("web {}: {}", number, slot.why_not_ready.read()));
    } else if (slot.since_beat() > kSilent) {
      reasons.push_back(fmt::format("web {} has not moved for {:.1f} s", number,
                                    std::chrono::duration<double>(slot.since_beat()).count()));
    } else {
      return {};  // one that can serve is enough
    }
  }
  if (reasons.empty()) reasons.emplace_back("no web worker runs");
  return reasons;
}

http::Response ManagementHandler::handle(http::Request& request) {
  const bool known =
      request.path == "/healthz" || request.path == "/readyz" || request.path == "/metrics";
  if (!known) {
    return http::problem_response(
        {.status = 404, .detail = "Here are /healthz, /readyz and /metrics only."});
  }
  if (request.method != http::Method::kGet && request.method != http::Method::kHead) {
    http::Response response = http::problem_response({.status = 405});
    response.headers.set("Allow", "GET, HEAD");
    return response;
  }
  if (request.path == "/healthz") return health_answer();
  if (request.path == "/readyz") return readiness_answer(why_not_ready(process_.state()));
  return http::Response(200, "text/plain; version=0.0.4; charset=utf-8",
                        process_.metrics_text() + (stored_ ? stored_() : ""));
}

}  // namespace saola::server
