#include <boost/json.hpp>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <saola/http/problem.hpp>
#include <saola/server/health.hpp>

namespace saola::server {
namespace json = boost::json;

http::Response health_answer() {
  http::Response response(200, "application/json", R"({"status":"ok"})");
  response.headers.add("Cache-Control", "no-store");
  return response;
}

http::Response readiness_answer(const std::vector<std::string>& why_not_ready) {
  if (why_not_ready.empty()) return health_answer();
  const http::Problem problem{
      .status = 503,
      .detail = fmt::format("Not ready: {}", fmt::join(why_not_ready, "; ")),
      .code = std::string(to_string(ErrorCode::kUnavailable))};
  http::Response response = http::problem_response(problem);
  json::object body = json::parse(http::to_json(problem)).as_object();
  body["reasons"] = json::value_from(why_not_ready);
  response.body = json::serialize(body);
  return response;
}

}  // namespace saola::server
