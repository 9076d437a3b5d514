// Server-sent events of one job.
#pragma once

#include <string>

#include <saola/http/response.hpp>
#include <saola/jobs/store.hpp>

namespace saola::jobs_web {

// Names what a job's watcher has seen; comes back as Last-Event-ID.
std::string event_id(const jobs::Job& job);

struct EventStreamOptions {
  // Of the last event the client has seen; empty: none.
  std::string last_event_id;
  bool one_event = false;
  std::string prefix;  // of the links
  Duration poll_every = std::chrono::milliseconds(250);
  // A comment, so that proxies keep an idle stream open.
  Duration heartbeat_every = std::chrono::seconds(10);
};

// Streams `job` whenever it changes: events "progress" and, when it is final, one "end" and the end
// of the stream. The data is that of GET /jobs/{id}. Returns soon after the client has gone.
// `store` must outlive the stream. SUSPENDS.
http::Response job_event_stream(jobs::Store& store, std::string job_id, EventStreamOptions options);

}  // namespace saola::jobs_web
