#include "split_api.hpp"

#include <algorithm>
#include <optional>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/check.hpp>
#include <saola/jobs/job_id.hpp>
#include <saola/runtime/placed.hpp>
#include <saola/web/files.hpp>
#include <saola/web/openapi.hpp>

#include "dashboard.hpp"
#include "job_events.hpp"
#include "job_json.hpp"
#include "split_job.hpp"
#include "split_request.hpp"
#include "store_call.hpp"
#include "version.hpp"

namespace saola::split_service {
namespace {

namespace json = boost::json;
using web::Request;
using web::Response;

constexpr std::string_view kQueue = "default";
constexpr std::size_t kMaxKey = 255;
constexpr std::chrono::seconds kProbePatience(1);

Deadline patience() {
  return Deadline::after(kStorePatience);
}

[[noreturn]] void refuse(std::vector<http::FieldError> errors) {
  std::string detail = fmt::format(
      "The split was not taken, for {} reasons. Correct what 'errors' lists and send it again.",
      errors.size());
  if (errors.size() == 1) {
    detail =
        fmt::format("The split was not taken: {} {}",
                    errors[0].pointer == "#" ? "the body" : errors[0].pointer, errors[0].detail);
    if (!detail.ends_with('.') && !detail.ends_with('?')) detail += '.';
  }
  throw web::HttpError(http::Problem{.status = 422,
                                     .detail = std::move(detail),
                                     .code = std::string(to_string(ErrorCode::kInvalidArgument)),
                                     .errors = std::move(errors)});
}

std::string idempotency_key(const Request& request) {
  const auto key = request.headers().get("Idempotency-Key");
  if (!key) return {};
  if (key->empty() || key->size() > kMaxKey || request.headers().count("Idempotency-Key") > 1) {
    throw web::HttpError(400, fmt::format("Idempotency-Key must be given once, with 1 to {} bytes; "
                                          "a fresh UUID for each new request will do.",
                                          kMaxKey));
  }
  return std::string(*key);
}

void check_id(std::string_view id) {
  if (jobs::is_job_id(id)) return;
  throw web::HttpError(
      Error(ErrorCode::kNotFound, fmt::format("There is no job '{}': it is not spelled like a "
                                              "job's id. GET /jobs lists the jobs.",
                                              id)));
}

// "running,available", and several of them.
std::vector<jobs::State> states_asked(const Request& request) {
  std::vector<jobs::State> states;
  for (const auto& [name, value] : request.args()) {
    if (name != "state") continue;
    for (std::size_t begin = 0; begin <= value.size();) {
      const std::size_t end = std::min(value.find(',', begin), value.size());
      const std::string word = value.substr(begin, end - begin);
      begin = end + 1;
      const auto state = jobs::parse_state(word);
      if (!state) {
        throw web::HttpError(400, fmt::format("The query argument 'state' names '{}', which is no "
                                              "state. There are scheduled, available, running, "
                                              "retryable, completed, cancelled and discarded.",
                                              word));
      }
      states.push_back(*state);
    }
  }
  return states;
}

std::string job_counts(const std::map<jobs::State, std::size_t>& counts) {
  std::string out = "# HELP saola_jobs Jobs in the store by state.\n# TYPE saola_jobs gauge\n";
  for (const auto& [state, count] : counts) {
    out += fmt::format("saola_jobs{{state=\"{}\"}} {}\n", jobs::to_string(state), count);
  }
  return out;
}

}  // namespace

SplitApi::SplitApi() {
  add_routes();
  add_job_routes();
  add_operator_routes();
  add_dashboard();
}

void SplitApi::bind(ApiServices services) {
  SAOLA_CHECK(!services_.store, "an API is bound once");
  services_ = std::move(services);
  health_ = std::make_unique<StoreHealth>(*services_.store, std::move(services_.health));
  if (services_.metrics) app_.count_in(*services_.metrics);
}

void SplitApi::add_routes() {
  // A route that has hogged the loop once starts on a native thread the next time.
  app_.around_handler(
      [](const web::Route& route, Request&, const std::function<Response()>& handle) {
        std::optional<Response> response;
        runtime::run_placed("route " + route.pattern, [&] { response = handle(); });
        return std::move(*response);
      });
  app_.post(
      "/split", [this](Request& request) { return post_split(request); },
      {.endpoint = "split",
       .doc = "Start a split\n\nStores the job durably and answers at once; a task worker does the "
              "work. A header Idempotency-Key makes it safe to send the same request again: the "
              "answer then is the first one's job.",
       .body = split_schema(),
       .responses = {{202, "The job is stored; Location names it"},
                     {409, "The Idempotency-Key was used for another request"},
                     {422, "The request cannot be understood; 'errors' lists every reason"},
                     {429, "Too many jobs wait; see Retry-After"},
                     {503, "The job store is full or away; nothing was stored"}}});
}

void SplitApi::add_job_routes() {
  app_.get("/jobs", [this](Request& request) { return list_jobs(request); },
           {.endpoint = "jobs",
            .doc = "List jobs, newest first\n\nQuery: state (names separated by commas), kind, "
                   "limit (1 to 1000, default 50), cursor (next_cursor of the page before).",
            .responses = {{200, "jobs and next_cursor, which is null on the last page"}}});
  app_.get("/jobs/<id>", [this](Request&, std::string_view id) { return show_job(id); },
           {.endpoint = "job",
            .doc = "Show a job",
            .responses = {{200, "The job"}, {404, "There is no such job"}}});
  app_.get("/jobs/<id>/events",
           [this](Request& request, std::string_view id) { return watch_job(request, id); },
           {.endpoint = "job_events",
            .doc = "Watch a job\n\nServer-sent events: 'progress' whenever the job changes, then "
                   "one 'end'. The data is that of GET /jobs/{id}. Last-Event-ID is honoured.",
            .responses = {{200, "text/event-stream"},
                          {204, "Last-Event-ID is that of the end"},
                          {404, "There is no such job"}}});
  app_.get(
      "/jobs/<id>/result", [this](Request&, std::string_view id) { return show_result(id); },
      {.endpoint = "job_result",
       .doc = "The result of a completed job",
       .responses = {
           {200, "The result"}, {404, "There is no such job"}, {409, "The job is not completed"}}});
  app_.post("/jobs/<id>/cancel",
            [this](Request&, std::string_view id) {
              check_id(id);
              const jobs::Job job =
                  checked_store_call([&] { return services_.store->cancel(id, patience()); });
              return job_answer(job, jobs::is_final(job.state) ? 200 : 202);
            },
            {.endpoint = "cancel_job",
             .doc = "Cancel a job\n\nOne that waits is cancelled at once, one that runs within a "
                    "second. Repeating it is no error.",
             .responses = {{200, "The job is cancelled"},
                           {202, "The job runs and was asked to stop"},
                           {404, "There is no such job"},
                           {409, "The job is completed or discarded"}}});
  app_.post("/jobs/<id>/retry",
            [this](Request&, std::string_view id) {
              check_id(id);
              auto job = store_call([&] { return services_.store->retry(id, patience()); });
              if (!job) throw queue_error(job.error());
              return job_answer(*job, 202);
            },
            {.endpoint = "retry_job",
             .doc = "Run a discarded, cancelled or retryable job again, at once",
             .responses = {{202, "The job waits for a worker"},
                           {404, "There is no such job"},
                           {409, "The job is in another state"},
                           {429, "Too many jobs wait; see Retry-After"}}});
}

void SplitApi::add_operator_routes() {
  app_.get("/healthz", [] { return web::text("ok\n"); },
           {.endpoint = "healthz",
            .doc = "Is this process alive? Touches nothing else",
            .responses = {{200, "Yes"}}});
  app_.get(
      "/readyz",
      [this] {
        const auto ready = store_call([&] { return health_->check(); });
        if (!ready) {
          throw web::HttpError(http::Problem{.status = 503,
                                             .detail = "Not ready: " + ready.error().message(),
                                             .code = std::string(to_string(ready.error().code()))});
        }
        return web::json(json::object{{"ready", true}});
      },
      {.endpoint = "readyz",
       .doc = "Can requests be served?",
       .responses = {{200, "Yes"}, {503, "No; detail says why"}}});
  app_.get("/metrics",
           [this] {
             std::string out = services_.metrics_text();
             const auto counts = store_call(
                 [&] { return services_.store->counts(Deadline::after(kProbePatience)); });
             // Without the store the other numbers are still worth having.
             if (counts) out += job_counts(*counts);
             return Response(200, "text/plain; version=0.0.4; charset=utf-8", std::move(out));
           },
           {.endpoint = "metrics",
            .doc = "Numbers of all workers in Prometheus' text format",
            .responses = {{200, "text/plain; version=0.0.4"}}});
  app_.get("/openapi.json", [this] {
    return web::json(web::openapi(
        app_, {.title = "split-service",
               .version = kVersion,
               .description = "Splits the rows of a table into groups as alike as possible."}));
  });
}

void SplitApi::add_dashboard() {
  for (const DashboardFile& file : dashboard_files()) {
    app_.get(file.path, [&file](Request& request) {
      Response response(200, file.content_type, std::string(file.text));
      response.headers.add("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'");
      response.headers.add("X-Content-Type-Options", "nosniff");
      response.headers.add("Cache-Control", "no-cache");
      response.headers.add("ETag", file.etag);
      return web::make_conditional(request.raw(), std::move(response));
    });
  }
}

jobs::Job SplitApi::find_job(std::string_view id) const {
  check_id(id);
  return checked_store_call([&] { return services_.store->get(id, patience()); });
}

Response SplitApi::job_answer(const jobs::Job& job, int status) const {
  std::optional<jobs::QueuePosition> position;
  if (job.state == jobs::State::kAvailable) {
    auto found = store_call([&] { return services_.store->position(job.id, patience()); });
    if (found) position = *found;
  }
  return web::json(job_json(job, position), status);
}

web::HttpError SplitApi::queue_error(const Error& error) const {
  const auto store_failed = [&] {
    web::HttpError answer = store_error(error);
    if (answer.status() >= 500) health_->refused(error);
    return answer;
  };
  // A full disk and a full queue are told apart by looking at the queue.
  if (error.code() != ErrorCode::kResourceExhausted) return store_failed();
  const auto status = store_call([&] { return services_.store->queue_status(kQueue, patience()); });
  if (!status || status->waiting < services_.queue_limit) return store_failed();
  // When about one job more will have ended.
  std::int64_t seconds = 5;
  if (status->mean_run) {
    const auto running = static_cast<std::int64_t>(std::max<std::size_t>(status->running, 1));
    seconds = std::clamp<std::int64_t>(
        std::chrono::ceil<std::chrono::seconds>(*status->mean_run).count() / running, 1, 60);
  }
  return web::HttpError(http::Problem{.status = 429,
                                      .detail = error.message(),
                                      .code = std::string(to_string(error.code()))})
      .with("Retry-After", std::to_string(seconds));
}

Response SplitApi::post_split(Request& request) const {
  jobs::NewJob job{.kind = std::string(kSplitKind), .queue = std::string(kQueue)};
  job.idempotency_key = idempotency_key(request);
  std::vector<http::FieldError> errors;
  const auto split = parse_split_request(
      request.json(), [this](std::string_view name) { return services_.buckets->check(name); },
      errors);
  if (!split || !errors.empty()) refuse(std::move(errors));
  job.payload = to_payload(*split);
  const auto stored = store_call([&] { return services_.store->enqueue(job, patience()); });
  if (!stored) throw queue_error(stored.error());
  health_->accepted();
  Response response = web::json(accepted_json(stored->job), 202);
  response.headers.add("Location", "/jobs/" + stored->job.id);
  return response;
}

Response SplitApi::list_jobs(Request& request) const {
  jobs::ListRequest asked;
  asked.states = states_asked(request);
  asked.kind = request.arg_or("kind", "");
  asked.cursor = request.arg_or("cursor", "");
  asked.limit = static_cast<std::size_t>(request.int_arg("limit", 50, 1, 1000));
  const jobs::Page page =
      checked_store_call([&] { return services_.store->list(asked, patience()); });
  json::array rows;
  for (const jobs::Job& job : page.jobs) rows.push_back(summary_json(job));
  json::object out{{"jobs", std::move(rows)}, {"next_cursor", nullptr}};
  if (!page.next_cursor.empty()) out["next_cursor"] = page.next_cursor;
  return web::json(out);
}

Response SplitApi::show_job(std::string_view id) const {
  return job_answer(find_job(id));
}

Response SplitApi::show_result(std::string_view id) const {
  const jobs::Job job = find_job(id);
  if (job.state == jobs::State::kCompleted) {
    return Response(200, "application/json", job.result.value_or("{}"));
  }
  std::string detail = fmt::format("Job {} is {} and has no result", id, to_string(job.state));
  if (job.state == jobs::State::kDiscarded && !job.errors.empty()) {
    detail += ": " + job.errors.back().text;
  } else if (jobs::is_final(job.state)) {
    detail += fmt::format("; POST /jobs/{}/retry runs it again.", id);
  } else {
    detail += fmt::format(" yet; GET /jobs/{}/events tells when it has.", id);
  }
  throw web::HttpError(Error(ErrorCode::kConflict, std::move(detail)));
}

Response SplitApi::watch_job(Request& request, std::string_view id) const {
  const jobs::Job job = find_job(id);
  EventStreamOptions options;
  options.last_event_id = request.headers().get_or("Last-Event-ID", "");
  options.one_event = services_.one_event_a_stream;
  // 204 tells an EventSource not to come back.
  if (jobs::is_final(job.state) && options.last_event_id == event_id(job)) {
    return web::no_content();
  }
  return job_event_stream(*services_.store, job.id, std::move(options));
}

}  // namespace saola::split_service
