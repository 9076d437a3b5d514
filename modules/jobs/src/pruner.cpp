#include "pruner.hpp"

#include <pthread.h>

#include <saola/base/log.hpp>
#include <saola/base/wait_for_stop.hpp>

namespace saola::jobs {
namespace {

constexpr std::chrono::seconds kPatience(5);
// The jobs that are remembered, after their leavings could not be removed, for making room.
constexpr std::size_t kRemembered = 1000;

}  // namespace

Pruner::Pruner(Store& store, const MaintainerOptions& options)
    : store_(store),
      options_(options),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Pruner::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "job pruner");
  bool failing = false;
  while (!stop.stop_requested()) {
    const auto pruned = options_.remove_leavings
                            ? prune(stop)
                            : store_.prune(options_.retention, Deadline::after(kPatience));
    if (!pruned && !failing) {
      log_error("old jobs cannot be deleted; will keep retrying",
                {{"error", pruned.error().message()}});
    }
    failing = !pruned;
    wait_for_stop(stop, options_.prune_every);
  }
}

// One round, over all jobs whose time has come. A job whose leavings cannot be removed is in
// nobody's way: the look goes on behind it.
Result<std::size_t> Pruner::prune(const std::stop_token& stop) {
  std::size_t pruned = 0;
  std::vector<Job> kept;
  EndOfJob after;
  while (!stop.stop_requested()) {
    const auto found = store_.prunable(options_.retention, after, Deadline::after(kPatience));
    if (!found) return fail(found);
    if (found->empty()) break;
    for (const Job& job : *found) {
      if (stop.stop_requested()) return pruned;
      const auto clean = left_nothing(job, stop);
      if (!clean) return fail(clean);
      if (job.state == State::kCompleted) after = {*job.finished_at, job.id};
      if (!*clean) {
        if (kept.size() < kRemembered) kept.push_back(job);
        continue;
      }
      const auto erased = store_.erase(std::span(&job, 1), Deadline::after(kPatience));
      if (!erased) return erased;
      pruned += *erased;
    }
  }
  const auto more = make_room(kept);
  if (!more) return more;
  return pruned + *more;
}

// Whether nothing of the job is left elsewhere. An error is the store's.
Result<bool> Pruner::left_nothing(const Job& job, const std::stop_token& stop) {
  if (job.state != State::kCompleted) return true;
  const auto whole = store_.get(job.id, Deadline::after(kPatience));
  if (!whole && whole.error().code() == ErrorCode::kNotFound) return true;
  if (!whole) return fail(whole);
  return options_.remove_leavings(*whole, stop).has_value();
}

// Deletes jobs although something of them is left elsewhere, while the store needs their room.
Result<std::size_t> Pruner::make_room(const std::vector<Job>& kept) {
  std::size_t pruned = 0;
  for (const Job& job : kept) {
    if (options_.retention.max_bytes == 0) break;
    const auto usage = store_.usage(Deadline::after(kPatience));
    if (!usage) return fail(usage);
    if (usage->bytes <= options_.retention.max_bytes) break;
    log_warning(
        "a job was deleted to make room, though what it left elsewhere could not be removed",
        {{"job", job.id}});
    const auto erased = store_.erase(std::span(&job, 1), Deadline::after(kPatience));
    if (!erased) return erased;
    pruned += *erased;
  }
  return pruned;
}

}  // namespace saola::jobs
