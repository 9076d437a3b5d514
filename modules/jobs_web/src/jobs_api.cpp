#include <algorithm>
#include <optional>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/http/media_type.hpp>
#include <saola/jobs/job_id.hpp>
#include <saola/jobs_web/jobs_api.hpp>

#include "job_events.hpp"
#include "job_headers.hpp"
#include "job_json.hpp"
#include "store_call.hpp"

namespace saola::jobs_web {
namespace {

namespace json = boost::json;
using web::Request;
using web::Response;
using web::Schema;

// Jobs on a page: each may carry errors of some kilobytes.
constexpr int kLongestPage = 200;
constexpr std::chrono::seconds kProbePatience(1);

Deadline patience() {
  return Deadline::after(kStorePatience);
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

// A page of another site can have a browser send text or a form without asking the server first.
void check_no_form(const Request& request) {
  const auto type = request.headers().get("Content-Type");
  if (!type) return;
  const auto media = http::parse_media_type(*type);
  if (media && (media->subtype == "json" || media->subtype.ends_with("+json"))) return;
  throw web::HttpError(415,
                       fmt::format("This takes no body, or an empty JSON one, not '{}'.", *type));
}

std::string usage_text(const jobs::StoreUsage& usage) {
  double oldest = 0;
  if (usage.oldest_available) {
    const auto waits = real_clock().system_now() - SystemTime(*usage.oldest_available);
    oldest = std::max(std::chrono::duration<double>(waits).count(), 0.0);
  }
  return fmt::format(
      "# HELP saola_jobs_oldest_waiting_seconds How long the oldest job that may run has waited.\n"
      "# TYPE saola_jobs_oldest_waiting_seconds gauge\n"
      "saola_jobs_oldest_waiting_seconds {}\n"
      "# HELP saola_job_store_bytes What the jobs in the store take.\n"
      "# TYPE saola_job_store_bytes gauge\n"
      "saola_job_store_bytes {}\n",
      oldest, usage.bytes);
}

std::string job_counts(const std::map<jobs::State, std::size_t>& counts) {
  std::string out = "# HELP saola_jobs Jobs in the store by state.\n# TYPE saola_jobs gauge\n";
  for (const auto& [state, count] : counts) {
    out += fmt::format("saola_jobs{{state=\"{}\"}} {}\n", jobs::to_string(state), count);
  }
  return out;
}

}  // namespace

std::string stored_metrics(jobs::Store& store) {
  const auto counts = store_call([&] { return store.counts(Deadline::after(kProbePatience)); });
  const auto usage = store_call([&] { return store.usage(Deadline::after(kProbePatience)); });
  return (counts ? job_counts(*counts) : "") + (usage ? usage_text(*usage) : "");
}

class JobsApi::Impl {
 public:
  Impl(jobs::Store& store, JobsApiOptions options)
      : store_(store), options_(std::move(options)), health_(store, std::move(options_.health)) {}

  Response accept(const Request& request, jobs::NewJob job) {
    read_job_headers(request, options_.queues, job);
    const auto stored = store_call([&] { return store_.enqueue(job, patience()); });
    if (!stored) throw queue_error(stored.error(), job.queue);
    health_.accepted();
    Response response = web::json(accepted_json(stored->job, request.prefix()), 202);
    response.headers.add("Location", fmt::format("{}/jobs/{}", request.prefix(), stored->job.id));
    return response;
  }

  Result<void> ready() {
    return store_call([&] { return health_.check(); });
  }

  std::string metrics_text() { return stored_metrics(store_); }

  Response cancel(const Request& request, std::string_view id) {
    check_id(id);
    const jobs::Job job = checked_store_call([&] { return store_.cancel(id, patience()); });
    return job_answer(request, job, jobs::is_final(job.state) ? 200 : 202);
  }

  Response retry(const Request& request, std::string_view id) {
    check_id(id);
    auto job = store_call([&] { return store_.retry(id, patience()); });
    if (!job) {
      const auto known = store_call([&] { return store_.get(id, patience()); });
      throw queue_error(job.error(), known ? known->queue : "");
    }
    return job_answer(request, *job, 202);
  }

  Response job_answer(const Request& request, const jobs::Job& job, int status = 200) const {
    std::optional<jobs::QueuePosition> position;
    if (job.state == jobs::State::kAvailable) {
      auto found = store_call([&] { return store_.position(job.id, patience()); });
      if (found) position = *found;
    }
    return Response(status, "application/json", job_json(job, position, request.prefix()));
  }

  web::HttpError queue_error(const Error& error, std::string_view queue) {
    const auto store_failed = [&] {
      web::HttpError answer = store_error(error);
      if (answer.status() >= 500) health_.refused(error);
      return answer;
    };
    // A full disk and a full queue are told apart by looking at the queue.
    if (error.code() != ErrorCode::kResourceExhausted) return store_failed();
    const auto status = store_call([&] { return store_.queue_status(queue, patience()); });
    if (!status || status->waiting < options_.queue_limit) return store_failed();
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

  Response list_jobs(Request& request) const {
    jobs::ListRequest asked;
    asked.states = states_asked(request);
    asked.kind = request.arg_or("kind", "");
    asked.queue = request.arg_or("queue", "");
    asked.cursor = request.arg_or("cursor", "");
    asked.limit = static_cast<std::size_t>(request.int_arg("limit", 50, 1, kLongestPage));
    // A long page takes milliseconds to write down, too. Many clients that ask for one must not keep
    // everybody else from the loop for as long.
    return Response(200, "application/json", checked_store_call([&]() -> Result<std::string> {
                      const auto page = store_.list(asked, patience());
                      if (!page) return fail(page);
                      json::array rows;
                      for (const jobs::Job& job : page->jobs)
                        rows.push_back(summary_json(job, request.prefix()));
                      json::object out{{"jobs", std::move(rows)}, {"next_cursor", nullptr}};
                      if (!page->next_cursor.empty()) out["next_cursor"] = page->next_cursor;
                      return json::serialize(out);
                    }));
  }

  jobs::Job find_job(std::string_view id) const {
    check_id(id);
    return checked_store_call([&] { return store_.get(id, patience()); });
  }

  Response show_job(const Request& request, std::string_view id) const {
    return job_answer(request, find_job(id));
  }

  Response show_result(const Request& request, std::string_view id) const {
    return Response(200, "application/json", result(id, request.prefix()));
  }

  std::string result(std::string_view id, std::string_view prefix) const {
    const jobs::Job job = find_job(id);
    if (job.state == jobs::State::kCompleted) return result_json(job, prefix);
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

  Response watch_job(Request& request, std::string_view id) const {
    const jobs::Job job = find_job(id);
    EventStreamOptions options;
    options.last_event_id = request.headers().get_or("Last-Event-ID", "");
    options.one_event = options_.one_event_a_stream;
    options.prefix = request.prefix();
    // 204 tells an EventSource not to come back.
    if (jobs::is_final(job.state) && options.last_event_id == event_id(job)) {
      return web::no_content();
    }
    return job_event_stream(store_, job.id, std::move(options));
  }

 private:
  jobs::Store& store_;
  JobsApiOptions options_;
  StoreHealth health_;
};

JobsApi::JobsApi(jobs::Store& store, JobsApiOptions options)
    : impl_(std::make_unique<Impl>(store, std::move(options))) {}
JobsApi::~JobsApi() = default;

Response JobsApi::accept(const Request& request, jobs::NewJob job) {
  return impl_->accept(request, std::move(job));
}

std::string JobsApi::result(std::string_view id) {
  return impl_->result(id, "");
}

Result<void> JobsApi::ready() {
  return impl_->ready();
}

std::string JobsApi::metrics_text() {
  return impl_->metrics_text();
}

web::Blueprint jobs_blueprint(std::function<JobsApi&()> api) {
  // Shared by the routes' views.
  const auto jobs = [api = std::move(api)]() -> JobsApi::Impl& { return *api().impl_; };
  web::Blueprint blueprint("jobs");
  // A misspelt filter must not list everything.
  blueprint.before_request([](Request& request) -> std::optional<Response> {
    request.refuse_unknown_args();
    return std::nullopt;
  });
  blueprint.get("/jobs", [jobs](Request& request) { return jobs().list_jobs(request); },
                {.endpoint = "list",
                 .doc = "List jobs, newest first",
                 .parameters = {{.name = "state", .doc = "Only these states, separated by commas"},
                                {.name = "kind", .doc = "Only this kind"},
                                {.name = "queue", .doc = "Only those of this queue"},
                                {.name = "limit",
                                 .doc = "Jobs on a page; default 50",
                                 .schema = Schema::integer().min(1).max(kLongestPage)},
                                {.name = "cursor", .doc = "next_cursor of the page before"}},
                 .answer = page_schema(),
                 .responses = {{200, "jobs and next_cursor, which is null on the last page"}}});
  blueprint.get(
      "/jobs/<id>",
      [jobs](Request& request, std::string_view id) { return jobs().show_job(request, id); },
      {.endpoint = "show",
       .doc = "Show a job",
       .answer = job_schema(),
       .responses = {{200, "The job"}, {404, "There is no such job"}}});
  blueprint.get(
      "/jobs/<id>/events",
      [jobs](Request& request, std::string_view id) { return jobs().watch_job(request, id); },
      {.endpoint = "events",
       .doc = "Watch a job\n\nServer-sent events: 'progress' whenever the job changes, then "
              "one 'end'. The data is that of GET /jobs/{id}.",
       .parameters = {{.name = "Last-Event-ID",
                       .doc = "The last event seen: it is not sent again",
                       .in = web::Parameter::In::kHeader}},
       .responses = {{200, "text/event-stream"},
                     {204, "Last-Event-ID is that of the end"},
                     {404, "There is no such job"}}});
  blueprint.get(
      "/jobs/<id>/result",
      [jobs](Request& request, std::string_view id) { return jobs().show_result(request, id); },
      {.endpoint = "result",
       .doc = "The result of a completed job",
       .responses = {
           {200, "The result"}, {404, "There is no such job"}, {409, "The job is not completed"}}});
  blueprint.post(
      "/jobs/<id>/cancel",
      [jobs](Request& request, std::string_view id) {
        check_no_form(request);
        return jobs().cancel(request, id);
      },
      {.endpoint = "cancel",
       .doc = "Cancel a job\n\nOne that waits is cancelled at once, one that runs within a "
              "second. Repeating it is no error.",
       .answer = job_schema(),
       .responses = {{200, "The job is cancelled"},
                     {202, "The job runs and was asked to stop"},
                     {404, "There is no such job"},
                     {409, "The job is completed or discarded"}},
       .role = http::Role::kOperate});
  blueprint.post("/jobs/<id>/retry",
                 [jobs](Request& request, std::string_view id) {
                   check_no_form(request);
                   return jobs().retry(request, id);
                 },
                 {.endpoint = "retry",
                  .doc = "Run a discarded, cancelled or retryable job again, at once",
                  .answer = job_schema(),
                  .responses = {{202, "The job waits for a worker"},
                                {404, "There is no such job"},
                                {409, "The job is in another state"},
                                {429, "Too many jobs wait; see Retry-After"}},
                  .role = http::Role::kOperate});
  return blueprint;
}

}  // namespace saola::jobs_web
