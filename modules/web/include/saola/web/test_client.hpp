// TestClient: requests to a handler without a socket.
//
//   TestClient client(app);
//   auto answer = client.post("/split", {{"source", "s3://samples/us_states.csv"}});
//   EXPECT_EQ(answer.status, 202);
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/http/handler.hpp>

namespace saola::web {

// A response with its body read to the end, as a client would see it: of a stream all that it
// wrote.
struct TestResponse {
  int status = 0;
  http::Headers headers;
  std::string body;
  std::vector<std::pair<std::string, std::string>> trailers;
  // Whether the body ended as it should: no error from a stream, all of its announced length.
  bool complete = true;

  // The first field so named, or empty.
  std::string_view header(std::string_view name) const { return headers.get_or(name, ""); }
  // Throws std::runtime_error with the body when it is not JSON.
  boost::json::value json() const;
};

// Calls the handler as a server would, on the calling thread. Keeps the cookies it is given, by
// name, and sends them back. Follows no redirects. Not thread-safe.
//
//   auto answer = client.request("PUT", "/users/7", "name=Ann", {{"Content-Type", form}});
//   EXPECT_EQ(answer.header("Location"), "/users/7");
class TestClient {
 public:
  using HeaderList = std::vector<std::pair<std::string, std::string>>;

  // REQUIRES: `handler` outlives it.
  explicit TestClient(http::Handler& handler) : handler_(handler) {}

  // Sends one request and reads the answer to its end; `target` is a path with its query. Adds Host
  // only. Throws what the handler throws, for there is no server to make a 500 of it.
  TestResponse request(std::string_view method, std::string_view target, std::string_view body = {},
                       const HeaderList& headers = {});
  TestResponse get(std::string_view target, const HeaderList& headers = {}) {
    return request("GET", target, {}, headers);
  }
  // Serialises `body` and says it is application/json. For other bodies: request("POST", …).
  TestResponse post(std::string_view target, const boost::json::value& body,
                    const HeaderList& headers = {});

  // As if the service lay below this path of a bigger site: http::Request::prefix.
  void below(std::string prefix) { prefix_ = std::move(prefix); }
  // How a client that goes away looks to a stream: after this many bytes writes fail with kClosed.
  //
  //   client.hang_up_after(100);
  //   EXPECT_FALSE(client.get("/export").complete);
  void hang_up_after(std::size_t bytes) { hang_up_after_ = bytes; }
  // How a worker that leaves looks to a stream: after this many bytes it should end.
  //
  //   client.leave_after(0);
  //   EXPECT_TRUE(client.get("/jobs/7/events").complete);       // ends at once, in good order
  void leave_after(std::size_t bytes) { leave_after_ = bytes; }

 private:
  http::Handler& handler_;
  std::map<std::string, std::string> cookies_;
  std::string prefix_;
  std::size_t hang_up_after_ = static_cast<std::size_t>(-1);
  std::size_t leave_after_ = static_cast<std::size_t>(-1);
};

}  // namespace saola::web
