#include "job_json.hpp"

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/jobs_web/jobs_api.hpp>

namespace saola::jobs_web {
namespace {

namespace json = boost::json;
using web::Required;
using web::Schema;

json::value time_json(const std::optional<jobs::Time>& time) {
  if (!time) return nullptr;
  return json::string(format_rfc3339(SystemTime(*time)));
}

Schema state_schema() {
  std::vector<std::string> words;
  for (const jobs::State state : jobs::kAllStates) words.emplace_back(jobs::to_string(state));
  return Schema::string().one_of(std::move(words));
}

Schema links_schema() {
  std::vector<Schema::Field> fields;
  for (const char* name : {"self", "events", "result", "cancel", "retry"}) {
    fields.push_back({name, Schema::string(), Required::kYes});
  }
  return Schema::object(std::move(fields));
}

std::vector<Schema::Field> summary_fields() {
  const Schema time = Schema::string().or_null().doc("RFC 3339, UTC");
  return {
      {"id", Schema::string(), Required::kYes},
      {"kind", Schema::string(), Required::kYes},
      {"state", state_schema(), Required::kYes},
      {"attempt", Schema::integer().min(0), Required::kYes},
      {"failures", Schema::integer().min(0).doc("Attempts that count against max_attempts"),
       Required::kYes},
      {"interruptions",
       Schema::integer().min(0).doc("Attempts that ended through no fault of the job"),
       Required::kYes},
      {"max_attempts", Schema::integer().min(1), Required::kYes},
      {"queue", Schema::string(), Required::kYes},
      {"priority", Schema::integer().doc("The larger runs first"), Required::kYes},
      {"timeout_seconds", Schema::number().or_null().doc("Time limit of an attempt"),
       Required::kYes},
      {"cancel_requested", Schema::boolean(), Required::kYes},
      {"progress",
       Schema::object({{"fraction", Schema::number().min(0).max(1), Required::kYes},
                       {"message", Schema::string(), Required::kYes}}),
       Required::kYes},
      {"created_at", Schema::string().doc("RFC 3339, UTC"), Required::kYes},
      {"started_at", time, Required::kYes},
      {"finished_at", time, Required::kYes},
      {"error", Schema::string().or_null().doc("Of the latest attempt that failed"),
       Required::kYes},
      {"retry_at", time},
      {"links", links_schema(), Required::kYes},
  };
}

}  // namespace

json::object links_of(const jobs::Job& job, std::string_view prefix) {
  const std::string self = fmt::format("{}/jobs/{}", prefix, job.id);
  return {{"self", self},
          {"events", self + "/events"},
          {"result", self + "/result"},
          {"cancel", self + "/cancel"},
          {"retry", self + "/retry"}};
}

json::object accepted_json(const jobs::Job& job, std::string_view prefix) {
  return {{"id", job.id},
          {"state", jobs::to_string(job.state)},
          {"kind", job.kind},
          {"links", links_of(job, prefix)}};
}

json::object summary_json(const jobs::Job& job, std::string_view prefix) {
  json::object out{
      {"id", job.id},
      {"kind", job.kind},
      {"state", jobs::to_string(job.state)},
      {"attempt", job.attempt},
      {"failures", job.failures},
      {"interruptions", job.interruptions},
      {"max_attempts", job.max_attempts},
      {"queue", job.queue},
      {"priority", job.priority},
      {"timeout_seconds", nullptr},
      {"cancel_requested", job.cancel_requested},
      {"progress", {{"fraction", job.progress.fraction}, {"message", job.progress.message}}},
      {"created_at", time_json(job.created_at)},
      {"started_at", time_json(job.started_at)},
      {"finished_at", time_json(job.finished_at)},
      {"error", nullptr},
  };
  if (job.timeout > jobs::Micros::zero()) {
    out["timeout_seconds"] = std::chrono::duration<double>(job.timeout).count();
  }
  if (job.state == jobs::State::kCompleted) {
    // The attempt's last words may have come too late to be stored.
    out["progress"] = {{"fraction", 1.0}, {"message", "done"}};
  } else if (!job.errors.empty()) {
    out["error"] = job.errors.back().text;
  }
  if (job.state == jobs::State::kRetryable) out["retry_at"] = time_json(job.scheduled_at);
  out["links"] = links_of(job, prefix);
  return out;
}

std::string result_json(const jobs::Job& job, std::string_view prefix) {
  if (!job.result) return "null";
  if (prefix.empty()) return *job.result;
  json::value result = json::parse(*job.result);
  json::object* members = result.if_object();
  json::value* links = members == nullptr ? nullptr : members->if_contains("links");
  if (links == nullptr || !links->is_object()) return *job.result;
  for (auto& [name, link] : links->get_object()) {
    if (!link.is_string() || !link.get_string().starts_with('/')) continue;
    link.get_string().insert(0, prefix);
  }
  return json::serialize(result);
}

std::string job_json(const jobs::Job& job, const std::optional<jobs::QueuePosition>& position,
                     std::string_view prefix) {
  json::object out = summary_json(job, prefix);
  if (position && job.state == jobs::State::kAvailable) {
    json::object place{{"ahead", position->ahead}, {"estimated_wait_seconds", nullptr}};
    if (position->estimated_wait) {
      place["estimated_wait_seconds"] =
          std::chrono::duration<double>(*position->estimated_wait).count();
    }
    out["position"] = std::move(place);
  }
  // Payload and result may be a megabyte each. They are JSON texts since they were stored, so they
  // are put in as they are.
  std::string text = json::serialize(out);
  text.pop_back();
  text += ",\"request\":";
  text += job.payload;
  text += ",\"result\":";
  text += result_json(job, prefix);
  text += '}';
  return text;
}

const Schema& summary_schema() {
  static const Schema schema = Schema::object(summary_fields());
  return schema;
}

const Schema& job_schema() {
  static const Schema schema = [] {
    std::vector<Schema::Field> fields = summary_fields();
    fields.push_back(
        {"position", Schema::object({{"ahead", Schema::integer().min(0), Required::kYes},
                                     {"estimated_wait_seconds", Schema::number().min(0).or_null(),
                                      Required::kYes}})
                         .doc("Its place in the queue, while it waits")});
    fields.push_back({"request", Schema::any().doc("What the job was given"), Required::kYes});
    fields.push_back({"result", Schema::any().doc("null until it is completed"), Required::kYes});
    return Schema::object(std::move(fields));
  }();
  return schema;
}

const Schema& page_schema() {
  static const Schema schema =
      Schema::object({{"jobs", Schema::array(summary_schema()), Required::kYes},
                      {"next_cursor", Schema::string().or_null(), Required::kYes}});
  return schema;
}

const Schema& accepted_schema() {
  static const Schema schema = Schema::object({{"id", Schema::string(), Required::kYes},
                                               {"state", state_schema(), Required::kYes},
                                               {"kind", Schema::string(), Required::kYes},
                                               {"links", links_schema(), Required::kYes}});
  return schema;
}

}  // namespace saola::jobs_web
