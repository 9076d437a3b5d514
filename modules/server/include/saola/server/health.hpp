// What /healthz and /readyz answer, the same on every address.
#pragma once

#include <string>
#include <vector>

#include <saola/http/response.hpp>

namespace saola::server {

// 200 {"status":"ok"}: this process is alive.
http::Response health_answer();

// 200 {"status":"ok"} when there is no reason against it, else 503: a problem document with the
// reasons in words (detail) and one by one (reasons).
http::Response readiness_answer(const std::vector<std::string>& why_not_ready);

}  // namespace saola::server
