// The jobs API of an application, as a blueprint:
//   GET /jobs, /jobs/{id}, /jobs/{id}/events (server-sent events), /jobs/{id}/result,
//   POST /jobs/{id}/cancel, /jobs/{id}/retry
// and what the application's own routes need to start jobs.
//
//   JobsApi api(*store);
//   app.register_blueprint(jobs_blueprint([&]() -> JobsApi& { return api; }));
//   app.post("/split", [&](Request& request) {
//     return api.accept(request, {.kind = "split", .payload = request.text()});
//   });
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/jobs/store.hpp>
#include <saola/jobs_web/store_health.hpp>
#include <saola/web/blueprint.hpp>

namespace saola::jobs_web {

// How the API judges the store it stands before.
struct JobsApiOptions {
  // The store's own, to tell a full queue (429) from a full disk (503).
  std::size_t queue_limit = 10'000;
  // Those that workers serve, at least one; the first is that of a job which names none.
  std::vector<std::string> queues = {"default"};
  // How ready() looks at the store.
  StoreHealthOptions health = {};
  // A stream of events holds its worker (class sync): send one event and let the client reconnect.
  bool one_event_a_stream = false;
};

// Thread-safe. Waits for the store on native threads of the runtime, so that on a fiber only that
// fiber waits; every call SUSPENDS.
class JobsApi {
 public:
  // `store` must outlive it.
  explicit JobsApi(jobs::Store& store, JobsApiOptions options = {});
  ~JobsApi();

  // Stores `job`, with what the headers of `request` say about it (Idempotency-Key, Job-Priority,
  // Job-Queue, Job-Timeout; the task's own time limit is the most), and answers 202 with its
  // Location and links. Throws web::HttpError: 400 for a header that is wrong, 409 for a key used
  // for another payload, 413, 429 with Retry-After when the queue is full, 503 when the store
  // cannot take it now.
  web::Response accept(const web::Request& request, jobs::NewJob job);

  // The JSON of a completed job's result. Throws web::HttpError: 404 for no such job, 409 for one
  // that is not completed.
  std::string result(std::string_view id);

  // Fails while jobs cannot be taken, and says why: for /readyz.
  //
  //   if (auto ready = api.ready(); !ready) throw HttpError(503, ready.error().message());
  Result<void> ready();
  // stored_metrics() of the store.
  std::string metrics_text();

 private:
  friend web::Blueprint jobs_blueprint(std::function<JobsApi&()> api);
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// What is in the store in Prometheus' text format: jobs by state, the age of the oldest that waits,
// bytes; empty while the store cannot say. SUSPENDS.
std::string stored_metrics(jobs::Store& store);

// The JSON of accept()'s answer, and the headers that it reads, for openapi.json.
const web::Schema& accepted_schema();
std::vector<web::Parameter> job_parameters();

// The routes. They are known before there is a store (routes make metrics, and these are declared
// before a worker starts), so the API is asked for with each request.
web::Blueprint jobs_blueprint(std::function<JobsApi&()> api);

}  // namespace saola::jobs_web
