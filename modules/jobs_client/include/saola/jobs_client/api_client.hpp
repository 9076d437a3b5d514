// A blocking client of the service's HTTP API.
//
//   ApiClient api("http://127.0.0.1:8000");
//   auto job = api.post("/split", {{"source", "s3://samples/t.csv"}});
//   if (!job) return exit_of(job.error().code());
//   const std::string id(job->at("id").as_string());
//   auto end = api.watch(id, {.see = [](const boost::json::value& now) { show(now); }});
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/base/error.hpp>

namespace saola::jobs_client {

// Calls of one service, one after the other over one connection where it stays open. Not
// thread-safe; blocks the thread. Errors: kUnavailable when no server can be reached at the URL, or
// it answers 429, 502, 503 or 504; else what the problem document's status says, its detail and
// every entry of its errors in the text.
class ApiClient {
 public:
  // `url`: "http://127.0.0.1:8000", with or without a path in front of the routes.
  // `token`: the API token to send; empty: none.
  explicit ApiClient(std::string url, std::string token = {});
  ~ApiClient();

  // The answer's JSON. `body` null: none. `headers`: "Name: value".
  //
  //   auto page = api.get("/jobs?state=running");
  //   auto job = api.post("/split", {{"groups", 3}}, {"Idempotency-Key: 4711"});
  Result<boost::json::value> get(std::string_view path);
  Result<boost::json::value> post(std::string_view path, const boost::json::value& body,
                                  const std::vector<std::string>& headers = {});

  // POSTs the local file as multipart/form-data, for up to an hour.
  Result<boost::json::value> post_file(std::string_view path, const std::string& file);

  // Whom watch() informs.
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
