// GET /jobs/{id}/assignment, /jobs/{id}/report and /jobs/{id}/page: the files that a completed split
// wrote, out of their bucket.
#pragma once

#include <string_view>

#include <boost/json/fwd.hpp>

#include <saola/service/service.hpp>

namespace saola::split_service {

void add_result_routes(Service& service);

// {"assignment": "/jobs/ID/assignment", …}: where a job's files are found.
boost::json::object result_links(std::string_view job_id);

}  // namespace saola::split_service
