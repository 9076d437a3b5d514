#include <optional>

#include <saola/base/time.hpp>
#include <saola/http/conditional.hpp>
#include <saola/http/date.hpp>
#include <saola/web/files.hpp>

namespace saola::web {
namespace {

// The text of a body that is in memory, or null.
const std::string* text_of(const http::Body& body) {
  if (const auto* shared = std::get_if<std::shared_ptr<const std::string>>(&body)) {
    return shared->get();
  }
  return std::get_if<std::string>(&body);
}

}  // namespace

http::Response make_conditional(const http::Request& request, http::Response response) {
  const bool reads = request.method == http::Method::kGet || request.method == http::Method::kHead;
  const std::string* text = text_of(response.body);
  if (!reads || response.status != 200 || text == nullptr) return response;

  const auto now = std::chrono::floor<std::chrono::seconds>(real_clock().system_now());
  const http::Validators validators{
      .etag = std::string(response.headers.get_or("ETag", "")),
      .last_modified = http::parse_http_date(response.headers.get_or("Last-Modified", ""), now)};
  switch (http::check_preconditions(request, validators, true, now)) {
    case http::Precondition::kProceed:
      return response;
    case http::Precondition::kNotModified:
      response.status = 304;
      response.headers.remove("Content-Type");
      response.body = std::monostate();
      return response;
    case http::Precondition::kFailed:
      return http::Response(412);
  }
  std::unreachable();
}

}  // namespace saola::web
