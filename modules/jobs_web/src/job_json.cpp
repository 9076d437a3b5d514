#include "job_json.hpp"

#include <boost/json.hpp>
#include <fmt/core.h>

namespace saola::split_service {
namespace {

namespace json = boost::json;

json::value time_json(const std::optional<jobs::Time>& time) {
  if (!time) return nullptr;
  return json::string(format_rfc3339(SystemTime(*time)));
}

// What the store keeps as JSON text; null when it is none.
json::value stored_json(const std::string& text) {
  boost::system::error_code bad;
  json::value value = json::parse(text, bad);
  return bad ? json::value(nullptr) : value;
}

}  // namespace

json::object links_of(const jobs::Job& job) {
  const std::string self = "/jobs/" + job.id;
  return {{"self", self},
          {"events", self + "/events"},
          {"result", self + "/result"},
          {"cancel", self + "/cancel"},
          {"retry", self + "/retry"}};
}

json::object accepted_json(const jobs::Job& job) {
  return {{"id", job.id},
          {"state", jobs::to_string(job.state)},
          {"kind", job.kind},
          {"links", links_of(job)}};
}

json::object summary_json(const jobs::Job& job) {
  json::object out{
      {"id", job.id},
      {"kind", job.kind},
      {"state", jobs::to_string(job.state)},
      {"attempt", job.attempt},
      {"max_attempts", job.max_attempts},
      {"cancel_requested", job.cancel_requested},
      {"progress", {{"fraction", job.progress.fraction}, {"message", job.progress.message}}},
      {"created_at", time_json(job.created_at)},
      {"started_at", time_json(job.started_at)},
      {"finished_at", time_json(job.finished_at)},
      {"error", nullptr},
  };
  if (job.state == jobs::State::kCompleted) {
    // The attempt's last words may have come too late to be stored.
    out["progress"] = {{"fraction", 1.0}, {"message", "done"}};
  } else if (!job.errors.empty()) {
    out["error"] = job.errors.back().text;
  }
  if (job.state == jobs::State::kRetryable) out["retry_at"] = time_json(job.scheduled_at);
  out["links"] = links_of(job);
  return out;
}

json::object job_json(const jobs::Job& job, const std::optional<jobs::QueuePosition>& position) {
  json::object out = summary_json(job);
  out["request"] = stored_json(job.payload);
  out["result"] = job.result ? stored_json(*job.result) : json::value(nullptr);
  if (position && job.state == jobs::State::kAvailable) {
    json::object place{{"ahead", position->ahead}, {"estimated_wait_seconds", nullptr}};
    if (position->estimated_wait) {
      place["estimated_wait_seconds"] =
          std::chrono::duration<double>(*position->estimated_wait).count();
    }
    out["position"] = std::move(place);
  }
  return out;
}

}  // namespace saola::split_service
