// An application whose routes are known before it serves, and what a server learns from it then.
// web::App is one; a Handler alone will do where there is nothing to know.
#pragma once

#include <saola/http/access.hpp>
#include <saola/http/handler.hpp>
#include <saola/observe/metrics.hpp>

namespace saola::http {

// Made in every process of a server, equal in each, before the first request.
class Application : public Handler {
 public:
  // What the caller of `request` needs to be. Any fiber or thread; does not suspend.
  virtual Role role_needed(const Request& request) const = 0;

  // Adds its series to the server's table. Called once, when it is set up.
  virtual void declare_metrics(observe::MetricTable& table) = 0;
  // Where this process counts, in a block of that table. Called at most once, before the first
  // request.
  virtual void count_in(const observe::MetricSlot& slot) = 0;
};

}  // namespace saola::http
