#include "job_events.hpp"

#include <optional>

#include <fmt/core.h>

#include <saola/runtime/task.hpp>
#include <saola/web/sse.hpp>

#include "job_json.hpp"
#include "store_call.hpp"

namespace saola::jobs_web {
namespace {

// How long a stream outlives failures of the store.
constexpr std::chrono::seconds kStoreAway(30);

class JobEvents {
 public:
  JobEvents(jobs::Store& store, const std::string& id, const EventStreamOptions& options,
            web::EventWriter& out)
      : store_(store), id_(id), options_(options), out_(out), seen_(options.last_event_id) {}

  Result<void> run() {
    while (true) {
      auto job = store_call([&] { return store_.get(id_, Deadline::after(kStorePatience)); });
      if (job) {
        failing_since_.reset();
        if (auto sent = send(*job); !sent) return sent;
        if (jobs::is_final(job->state) || options_.one_event) return {};
      } else if (job.error().code() == ErrorCode::kNotFound) {
        return {};  // deleted after its time
      } else if (auto patient = wait_out(job.error()); !patient) {
        return patient;
      }
      if (out_.leaving()) return {};
      if (out_.client_gone()) return fail(ErrorCode::kClosed, "the watcher went away");
      if (steady_now() >= heartbeat_) {
        if (auto sent = out_.comment("still here"); !sent) return sent;
        rest();
      }
      runtime::this_task::sleep_for(options_.poll_every);
    }
  }

 private:
  Result<void> send(const jobs::Job& job) {
    std::string id = event_id(job);
    if (id == seen_) return {};
    const bool end = jobs::is_final(job.state);
    std::optional<jobs::QueuePosition> position;
    if (job.state == jobs::State::kAvailable) {
      auto found =
          store_call([&] { return store_.position(id_, Deadline::after(kStorePatience)); });
      if (found) position = *found;
    }
    const std::string data = job_json(job, position, options_.prefix);
    seen_ = std::move(id);
    rest();
    return out_.send({.data = data, .event = end ? "end" : "progress", .id = seen_});
  }

  // Goes on through failures of the store that are short.
  Result<void> wait_out(const Error& error) {
    const auto now = steady_now();
    if (!failing_since_) failing_since_ = now;
    if (now - *failing_since_ < kStoreAway) return {};
    return fail(error);
  }

  void rest() { heartbeat_ = steady_now() + options_.heartbeat_every; }

  jobs::Store& store_;
  const std::string& id_;
  const EventStreamOptions& options_;
  web::EventWriter& out_;
  std::string seen_;
  SteadyTime heartbeat_ = steady_now() + options_.heartbeat_every;
  std::optional<SteadyTime> failing_since_;
};

}  // namespace

std::string event_id(const jobs::Job& job) {
  return fmt::format("{}-{}{}-{:.6f}", job.attempt, jobs::to_string(job.state),
                     job.cancel_requested ? "-cancelling" : "", job.progress.fraction);
}

http::Response job_event_stream(jobs::Store& store, std::string job_id,
                                EventStreamOptions options) {
  return web::event_stream([&store, id = std::move(job_id),
                            options = std::move(options)](web::EventWriter& out) -> Result<void> {
    return JobEvents(store, id, options, out).run();
  });
}

}  // namespace saola::jobs_web
