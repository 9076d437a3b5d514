#include "jobs_report.hpp"

#include <chrono>

#include <boost/json.hpp>

#include <saola/jobs/owner.hpp>
namespace saola::service {
namespace json = boost::json;

Result<std::string> jobs_report(jobs::Store& store, const Clock& clock, Deadline deadline) {
  const auto counts = store.counts(deadline);
  if (!counts) return fail(counts);
  const auto page = store.list({.states = {jobs::State::kRunning}, .limit = 1000}, deadline);
  if (!page) return fail(page);

  json::object by_state;
  for (const auto& [state, count] : *counts) by_state[jobs::to_string(state)] = count;
  json::array running;
  for (const jobs::Job& job : page->jobs) {
    const Duration age =
        job.started_at ? clock.system_now() - SystemTime(*job.started_at) : Duration::zero();
    running.push_back(json::object{
        {"id", job.id},
        {"kind", job.kind},
        {"attempt", job.attempt},
        {"age_seconds", std::chrono::duration<double>(age).count()},
        {"progress", job.progress.fraction},
        {"message", job.progress.message},
        {"worker", job.lease ? jobs::describe_owner(job.lease->owner) : ""},
    });
  }
  return json::serialize(json::object{{"counts", by_state}, {"running", running}});
}

}  // namespace saola::service
