// Where a server and an application meet.
#pragma once

#include <saola/http/request.hpp>
#include <saola/http/response.hpp>

namespace saola::http {

// Answers requests. One handler serves all connections: called from many fibers or threads at the
// same time. It may suspend. An exception that leaves it becomes a 500.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Response handle(Request& request) = 0;
};

}  // namespace saola::http
