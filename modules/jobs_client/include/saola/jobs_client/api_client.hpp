// A blocking client of the service's HTTP API.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/base/error.hpp>

namespace saola::jobs_client {

// Not thread-safe. Errors: kUnavailable when no server can be reached at the URL, or it answers
// 429, 502, 503 or 504; else what the problem document's status says, its detail and every entry of
// its errors in the text.
class ApiClient {
 public:
  // `url`: "http://127.0.0.1:8000", with or without a path in front of the routes.
  // `token`: the API token to send; empty: none.
  explicit ApiClient(std::string url, std::string token = {});
  ~ApiClient();

  // The answer's JSON. `body` null: none. `headers`: "Name: value".
  Result<boost::json::value> get(std::string_view path);
  Result<boost::json::value> post(std::string_view path, const boost::json::value& body,
                                  const std::vector<std::string>& headers = {});

  struct Watching {
    // Called with the job whenever it changes.
    std::function<void(const boost::json::value&)> see;
    // Called once each time the server is lost, at once.
    std::function<void(const Error&)> lost = [](const Error&) {};
    // Asked about once a second; true: return kCancelled.
    bool (*give_up)() = [] { return false; };
  };
  // Returns the job when it is final. Reconnects where it left off when the stream breaks, for up
  // to half a minute without a word from the server.
  Result<boost::json::value> watch(const std::string& job_id, const Watching& watching);

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace saola::jobs_client
