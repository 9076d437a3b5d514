// Where a server and an application meet.
//
//   struct Hello final : http::Handler {
//     http::Response handle(http::Request&) override { return {200, "text/plain", "hello\n"}; }
//   };
#pragma once

#include <saola/http/request.hpp>
#include <saola/http/response.hpp>

namespace saola::http {

// Answers requests. One handler serves all connections: called from many fibers or threads at the
// same time, once for each request. It may suspend. An exception that leaves it becomes a 500.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Response handle(Request& request) = 0;
};

}  // namespace saola::http
