// A job as the HTTP API shows it.
#pragma once

#include <optional>
#include <string>

#include <boost/json/fwd.hpp>

#include <saola/jobs/job.hpp>
#include <saola/jobs/store.hpp>
#include <saola/web/schema.hpp>

namespace saola::jobs_web {

// {"self": "/jobs/ID", "events", "result", "cancel", "retry"}. `prefix`, here and below, is that of
// the request (http::Request::prefix).
boost::json::object links_of(const jobs::Job& job, std::string_view prefix);

// The answer of POST /split: id, state, kind, links.
boost::json::object accepted_json(const jobs::Job& job, std::string_view prefix);

// One line of GET /jobs: what GET /jobs/{id} has but request, result and position. `error` is that
// of the latest attempt that failed; null when the job is completed.
boost::json::object summary_json(const jobs::Job& job, std::string_view prefix);

// The result of a completed job as it was stored, "null" of others; the paths in its member "links",
// which are the service's, begin with the prefix. The JSON text.
std::string result_json(const jobs::Job& job, std::string_view prefix);

// GET /jobs/{id}. `position` is shown while the job waits.
// The JSON text.
std::string job_json(const jobs::Job& job, const std::optional<jobs::QueuePosition>& position,
                     std::string_view prefix);

// The shapes of these, for openapi.json.
const web::Schema& summary_schema();
const web::Schema& job_schema();
const web::Schema& page_schema();  // of GET /jobs

}  // namespace saola::jobs_web
