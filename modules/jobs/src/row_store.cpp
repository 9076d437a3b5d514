// How a verb becomes a transaction.
//
// Every verb goes the same way, and the helpers below (change_attempt, end_attempt, change_job,
// change_each) are that way for one job or many:
//
//   1. Arguments are checked without the store.
//   2. Where most calls find nothing to do (a claim by an idle worker, upkeep) a read() looks
//      first, so that they need not wait for the right to write. What it saw may be old: step 3
//      looks again.
//   3. write(): find the rows, let Lifecycle change copies of them, write the copies back.
//   4. After the transaction is durable, and only then, work_arrived() wakes those who wait for
//      jobs.
//
// What each verb looks at and writes is said in row_store.hpp.
//
// Invariants, which hold after every transaction as they held before it:
//
//   * One body writes at a time, so what it looked at is still so when it writes: two enqueues with
//     one key make one job, two claims never take the same, a token that was checked still holds
//     the lease.
//   * A write of an attempt happens in the transaction that checked its token. That is the whole
//     fence: after take_back() or release_owner() the job has another attempt number, or no lease.
//   * A running job has a lease and no other has one; a final job has finished_at and no other has
//     it (Lifecycle keeps these, row by row).
//   * update() leaves payload, result and checkpoint alone, so every verb but claim and those that
//     answer with a whole job works on summaries.
//
// Bodies look first and write last: one that returns an error has written nothing, for nothing
// would be undone (see RowStore::Body). And one may run twice, as a transaction that did not fit on
// the disk is tried again in smaller ones: so a body assigns its outputs, and does nothing outside
// of its rows.

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include <saola/jobs/row_store.hpp>

namespace saola::jobs {
namespace {

// The most jobs that one upkeep call handles.
constexpr std::size_t kBatch = 1000;
// For what is decided over all of them: who is to blame when an owner is lost.
constexpr auto kAll = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
// How many of the jobs that go for the store's size are named at once: about as many too many may be
// deleted.
constexpr std::size_t kAtOnceForSize = 10;

std::unexpected<Error> no_such_job(std::string_view id) {
  return fail(ErrorCode::kNotFound, "there is no job {}; it may have been pruned",
              is_job_id(id) ? id : std::string_view("with this id"));
}

// The up to `request.limit` jobs to claim next, in claim order; a suspect only by itself.
std::vector<Job> claimable(Rows& rows, const ClaimRequest& request) {
  std::vector<Job> found;
  for (const std::string& queue : request.queues) {
    for (const std::string& kind : request.kinds) {
      std::vector<Job> some = rows.available(queue, kind, request.limit);
      std::move(some.begin(), some.end(), std::back_inserter(found));
    }
  }
  std::ranges::sort(found, claimed_before);
  // A kind or queue named twice finds its jobs twice.
  const auto twice = std::ranges::unique(found, {}, &Job::id);
  found.erase(twice.begin(), twice.end());
  if (found.size() > request.limit) found.resize(request.limit);
  if (found.empty()) return found;
  const std::vector<Job> held = rows.owned(request.owner, kAll);
  const auto suspect = std::ranges::find_if(found, &Job::suspect);
  if (suspect == found.begin()) {
    found.resize(held.empty() ? 1 : 0);
  } else if (std::ranges::any_of(held, &Job::suspect)) {
    found.clear();
  } else {
    found.erase(suspect, found.end());
  }
  return found;
}

// The final states, and for how long a job is kept in each.
std::array<std::pair<State, Micros>, 3> kept_for(const Retention& retention) {
  return {{{State::kCompleted, retention.completed},
           {State::kCancelled, retention.cancelled},
           {State::kDiscarded, retention.discarded}}};
}

// Where to begin among the jobs of a final state.
const EndOfJob& beginning(State state, const EndOfJob& after_completed) {
  static const EndOfJob kFirst;
  return state == State::kCompleted ? after_completed : kFirst;
}

// Up to kBatch final jobs that have been kept for as long as they are.
std::vector<Job> kept_long_enough(Rows& rows, const Retention& retention,
                                  const EndOfJob& after_completed, Time now) {
  std::vector<Job> found;
  for (const auto& [state, kept] : kept_for(retention)) {
    std::ranges::move(rows.finished_before(state, beginning(state, after_completed), now - kept,
                                           kBatch - found.size()),
                      std::back_inserter(found));
  }
  return found;
}

// The oldest final jobs, those apart whose clients may not have seen their end: at least kBatch of
// them when there are as many.
std::vector<Job> oldest_final(Rows& rows, const Retention& retention,
                              const EndOfJob& after_completed, Time now) {
  std::vector<Job> oldest;
  for (const State state : kAllStates) {
    if (!is_final(state)) continue;
    std::ranges::move(
        rows.finished_before(state, beginning(state, after_completed), Time::max(), kBatch),
        std::back_inserter(oldest));
  }
  // An end in the future shows that the clock was set back, and may be as old as that.
  std::erase_if(oldest, [&](const Job& job) {
    return *job.finished_at <= now && *job.finished_at > now - retention.at_least;
  });
  std::ranges::sort(oldest, {}, [](const Job& job) { return std::tie(*job.finished_at, job.id); });
  return oldest;
}

// Whether final jobs have to go before their time.
bool is_too_full(Rows& rows, const Retention& retention) {
  return retention.max_bytes != 0 && rows.bytes() > retention.max_bytes;
}

LeaseSeen seen(const Job& job) {
  return {job.token(), job.lease->expires_at, job.lease->length};
}

// The state of each lease; calls `held` with each job whose token still counts.
template <typename Held>
std::vector<LeaseState> look_at(Rows& rows, std::span<const LeaseToken> tokens, Held held) {
  std::vector<LeaseState> states;
  for (const LeaseToken& token : tokens) {
    auto job = rows.find(token.job_id, Detail::kSummary);
    if (!job || !Lifecycle::check_token(*job, token)) {
      states.push_back(LeaseState::kLost);
      continue;
    }
    held(*job);
    states.push_back(job->cancel_requested ? LeaseState::kCancelRequested : LeaseState::kHeld);
  }
  return states;
}

}  // namespace

RowStore::RowStore(StoreOptions options) : rules_(std::move(options)) {}

// kResourceExhausted when the queue has no room for one more waiting job.
Result<void> RowStore::check_room(Rows& rows, const std::string& queue) const {
  const std::size_t limit = rules_.options().queue_limit;
  const std::size_t depth = rows.count_waiting(queue, limit);
  if (depth < limit) return {};
  return saola::fail(ErrorCode::kResourceExhausted,
                     "queue '{}' is full: {} jobs wait and the limit is {}; try again later", queue,
                     depth, limit);
}

// kResourceExhausted when the store holds as many bytes as it may, or its disk is about to be full.
Result<void> RowStore::check_bytes(Rows& rows) const {
  const std::uint64_t limit = rules_.options().max_bytes;
  if (limit != 0 && rows.bytes() >= limit) {
    return saola::fail(
        ErrorCode::kResourceExhausted,
        "no space is left in the job store: it holds {} bytes, as many as it may; wait until "
        "jobs have ended and were pruned, or raise its limit",
        limit);
  }
  if (rows.has_room()) return {};
  return saola::fail(ErrorCode::kResourceExhausted,
                     "no space is left for new jobs: what the disk of the job store has is kept "
                     "back for those that were accepted; free some");
}

Result<Enqueued> RowStore::enqueue(const NewJob& request, Deadline deadline) {
  if (auto ok = rules_.check_new(request); !ok) return saola::fail(ok);
  Enqueued answer;
  auto done = write(deadline, [&](Rows& rows) -> Result<void> {
    if (!request.idempotency_key.empty()) {
      if (auto job = rows.find_idempotent(request.kind, request.idempotency_key)) {
        if (job->payload != request.payload || job->queue != request.queue) {
          return saola::fail(ErrorCode::kConflict,
                             "this idempotency key was used for job {} with another payload or "
                             "queue; use a new key for a new request",
                             job->id);
        }
        answer = {*std::move(job), false};
        return {};
      }
    }
    if (!request.unique_key.empty()) {
      if (auto job = rows.find_unique(request.kind, request.unique_key)) {
        answer = {*std::move(job), false};
        return {};
      }
    }
    if (auto ok = check_room(rows, request.queue); !ok) return ok;
    if (auto ok = check_bytes(rows); !ok) return ok;
    answer = {rules_.create(request), true};
    rows.insert(answer.job);
    return {};
  });
  if (!done) return saola::fail(done);
  if (answer.created && answer.job.state == State::kAvailable) work_arrived();
  return answer;
}

Result<std::vector<Job>> RowStore::claim(const ClaimRequest& request, Deadline deadline) {
  if (request.owner.empty() || request.lease <= Micros::zero()) {
    return saola::fail(ErrorCode::kInvalidArgument,
                       "a claim needs the name of an owner and a lease longer than zero");
  }
  // Most claims of an idle worker find nothing; they need not wait for the right to write.
  bool any = false;
  auto looked = read(deadline, [&](Rows& rows) -> Result<void> {
    any = !claimable(rows, request).empty();
    return {};
  });
  if (!looked) return saola::fail(looked);
  std::vector<Job> claimed;
  if (!any) return claimed;
  auto done = write(deadline, [&](Rows& rows) -> Result<void> {
    claimed.clear();
    for (const Job& next : claimable(rows, request)) {
      auto job = rows.find(next.id, Detail::kFull);
      if (!job) break;  // the transaction has failed
      if (auto ok = rules_.claim(*job, request.owner, request.lease); !ok) return ok;
      rows.update(*job);
      claimed.push_back(*std::move(job));
    }
    return {};
  });
  if (!done) return saola::fail(done);
  return claimed;
}

Result<std::vector<LeaseState>> RowStore::renew(std::span<const LeaseToken> tokens, Micros lease,
                                                Deadline deadline) {
  std::vector<LeaseState> states;
  auto done = write(deadline, [&](Rows& rows) -> Result<void> {
    states = look_at(rows, tokens, [&](Job& job) {
      rules_.renew(job, lease);
      rows.update(job);
    });
    return {};
  });
  if (!done) return saola::fail(done);
  return states;
}

Result<std::vector<LeaseState>> RowStore::lease_states(std::span<const LeaseToken> tokens,
                                                       Deadline deadline) {
  std::vector<LeaseState> states;
  auto done = read(deadline, [&](Rows& rows) -> Result<void> {
    states = look_at(rows, tokens, [](Job&) {});
    return {};
  });
  if (!done) return saola::fail(done);
  return states;
}

// Applies `change` to the job that runs under `token`.
Result<void> RowStore::change_attempt(const LeaseToken& token, Deadline deadline,
                                      const Change& change) {
  return write(deadline, [&](Rows& rows) -> Result<void> {
    auto job = rows.find(token.job_id, Detail::kSummary);
    if (!job) return no_such_job(token.job_id);
    if (auto ok = Lifecycle::check_token(*job, token); !ok) return ok;
    return change(*job, rows);
  });
}

// change_attempt() for an end of the attempt that may leave the job available.
Result<void> RowStore::end_attempt(const LeaseToken& token, Deadline deadline,
                                   const Change& change) {
  bool available = false;
  auto done = change_attempt(token, deadline, [&](Job& job, Rows& rows) -> Result<void> {
    if (auto ok = change(job, rows); !ok) return ok;
    rows.update(job);
    available = job.state == State::kAvailable;
    return {};
  });
  if (done && available) work_arrived();
  return done;
}

Result<void> RowStore::set_progress(const LeaseToken& token, const Progress& progress,
                                    Deadline deadline) {
  return change_attempt(token, deadline, [&](Job& job, Rows& rows) -> Result<void> {
    Lifecycle::set_progress(job, progress);
    rows.update(job);
    return {};
  });
}

Result<void> RowStore::set_checkpoint(const LeaseToken& token, std::string_view checkpoint,
                                      Deadline deadline) {
  return change_attempt(token, deadline, [&](Job& job, Rows& rows) -> Result<void> {
    if (auto ok = rules_.set_checkpoint(job, checkpoint); !ok) return ok;
    rows.update_checkpoint(job);
    return {};
  });
}

Result<void> RowStore::complete(const LeaseToken& token, std::string_view result,
                                Deadline deadline) {
  return end_attempt(token, deadline, [&](Job& job, Rows& rows) -> Result<void> {
    if (auto ok = rules_.complete(job, result); !ok) return ok;
    rows.update_result(job);
    rows.update_checkpoint(job);
    return {};
  });
}

Result<void> RowStore::fail(const LeaseToken& token, const FailRequest& request,
                            Deadline deadline) {
  return end_attempt(token, deadline, [&](Job& job, Rows&) { return rules_.fail(job, request); });
}

Result<void> RowStore::snooze(const LeaseToken& token, Micros delay, Deadline deadline) {
  return end_attempt(token, deadline, [&](Job& job, Rows&) { return rules_.snooze(job, delay); });
}

Result<void> RowStore::requeue(const LeaseToken& token, Deadline deadline) {
  return end_attempt(token, deadline, [&](Job& job, Rows&) { return rules_.requeue(job); });
}

Result<void> RowStore::confirm_cancelled(const LeaseToken& token, Deadline deadline) {
  return end_attempt(token, deadline,
                     [&](Job& job, Rows&) { return rules_.confirm_cancelled(job); });
}

// Applies `change` to job `id` and answers it complete.
Result<Job> RowStore::change_job(std::string_view id, Deadline deadline, const Change& change) {
  Job answer;
  auto done = write(deadline, [&](Rows& rows) -> Result<void> {
    auto job = rows.find(id, Detail::kFull);
    if (!job) return no_such_job(id);
    if (auto ok = change(*job, rows); !ok) return ok;
    rows.update(*job);
    answer = *std::move(job);
    return {};
  });
  if (!done) return saola::fail(done);
  if (answer.state == State::kAvailable) work_arrived();
  return answer;
}

Result<Job> RowStore::cancel(std::string_view id, Deadline deadline) {
  return change_job(id, deadline, [&](Job& job, Rows&) { return rules_.cancel(job); });
}

Result<Job> RowStore::retry(std::string_view id, Deadline deadline) {
  return change_job(id, deadline, [&](Job& job, Rows& rows) -> Result<void> {
    const bool was_waiting = is_waiting(job.state);
    if (auto ok = rules_.retry(job); !ok) return ok;
    if (was_waiting) return {};
    if (!job.unique_key.empty()) {
      if (const auto other = rows.find_unique(job.kind, job.unique_key)) {
        return saola::fail(ErrorCode::kConflict,
                           "job {} cannot run again while job {} holds its unique key; cancel that "
                           "one or wait for it",
                           job.id, other->id);
      }
    }
    return check_room(rows, job.queue);
  });
}

Result<Job> RowStore::get(std::string_view id, Deadline deadline) {
  std::optional<Job> job;
  auto done = read(deadline, [&](Rows& rows) -> Result<void> {
    job = rows.find(id, Detail::kFull);
    return {};
  });
  if (!done) return saola::fail(done);
  if (!job) return no_such_job(id);
  return *std::move(job);
}

Result<Page> RowStore::list(const ListRequest& request, Deadline deadline) {
  if (request.limit < 1 || request.limit > 1000) {
    return saola::fail(ErrorCode::kInvalidArgument,
                       "the limit of a list is {}, it must be 1 to 1000", request.limit);
  }
  if (!request.cursor.empty() && !is_job_id(request.cursor)) {
    return saola::fail(ErrorCode::kInvalidArgument,
                       "the cursor is not one that a list of jobs has given out");
  }
  Page page;
  auto done = read(deadline, [&](Rows& rows) -> Result<void> {
    ListRequest one_more = request;
    ++one_more.limit;
    page.jobs = rows.list(one_more);
    return {};
  });
  if (!done) return saola::fail(done);
  if (page.jobs.size() > request.limit) {
    page.jobs.pop_back();
    page.next_cursor = page.jobs.back().id;
  }
  return page;
}

Result<std::map<State, std::size_t>> RowStore::counts(Deadline deadline) {
  std::map<State, std::size_t> counts;
  auto done = read(deadline, [&](Rows& rows) -> Result<void> {
    counts = rows.counts();
    return {};
  });
  if (!done) return saola::fail(done);
  for (const State state : kAllStates) counts.try_emplace(state, 0);
  return counts;
}

Result<QueueStatus> RowStore::queue_status(std::string_view queue, Deadline deadline) {
  QueueStatus status;
  auto done = read(deadline, [&](Rows& rows) -> Result<void> {
    status = rows.queue_status(queue);
    return {};
  });
  if (!done) return saola::fail(done);
  return status;
}

Result<QueuePosition> RowStore::position(std::string_view id, Deadline deadline) {
  QueuePosition position;
  auto done = read(deadline, [&](Rows& rows) -> Result<void> {
    const auto job = rows.find(id, Detail::kSummary);
    if (!job) return no_such_job(id);
    if (!is_waiting(job->state)) {
      position.estimated_wait = Micros::zero();
      return {};
    }
    position.ahead = rows.ahead_of(*job);
    const QueueStatus status = rows.queue_status(job->queue);
    // With r attempts under way one ends every mean_run / r, and `ahead` + 1 must end.
    if (status.mean_run && status.running > 0) {
      const auto running = static_cast<std::int64_t>(status.running);
      const auto before = static_cast<std::int64_t>(position.ahead) + 1;
      const Micros queued = *status.mean_run * before / running;
      position.estimated_wait = std::max(queued, job->scheduled_at - rules_.now());
    }
    return {};
  });
  if (!done) return saola::fail(done);
  return position;
}

// Applies `change` to every job that `select` finds, one batch of them.
Result<std::size_t> RowStore::change_each(Deadline deadline, const Select& select,
                                          const Change& change) {
  // Upkeep is called often and mostly finds nothing; that needs no right to write.
  bool any = false;
  auto looked = read(deadline, [&](Rows& rows) -> Result<void> {
    any = !select(rows).empty();
    return {};
  });
  if (!looked) return saola::fail(looked);
  if (!any) return 0;
  std::size_t changed = 0;
  bool available = false;
  auto done = write(deadline, [&](Rows& rows) -> Result<void> {
    changed = 0;
    for (Job& job : select(rows)) {
      if (auto ok = change(job, rows); !ok) return ok;
      available |= job.state == State::kAvailable;
      ++changed;
    }
    return {};
  });
  if (!done) return saola::fail(done);
  if (available) work_arrived();
  return changed;
}

Result<std::size_t> RowStore::release_owner(std::string_view owner, Deadline deadline) {
  // Clients see it: which machine and process that was, its owner's name, is not their business.
  const std::string why = "the worker that ran it died";
  bool alone = false;
  return change_each(
      deadline,
      [&](Rows& rows) {
        std::vector<Job> held = rows.owned(owner, kAll);
        alone = held.size() == 1;
        return held;
      },
      [&](Job& job, Rows& rows) -> Result<void> {
        if (auto ok = rules_.lose(job, why, alone); !ok) return ok;
        rows.update(job);
        return {};
      });
}

Result<std::vector<LeaseSeen>> RowStore::leases(Deadline deadline) {
  std::vector<LeaseSeen> leases;
  auto done = read(deadline, [&](Rows& rows) -> Result<void> {
    leases.clear();
    for (const Job& job : rows.running(kAll)) leases.push_back(seen(job));
    return {};
  });
  if (!done) return saola::fail(done);
  return leases;
}

Result<std::size_t> RowStore::take_back(std::span<const LeaseSeen> leases, Deadline deadline) {
  std::map<std::string, std::size_t> held;  // by owner, before any of its leases is taken
  const auto select = [&](Rows& rows) {
    held.clear();
    std::vector<Job> lost;
    for (const LeaseSeen& lease : leases) {
      auto job = rows.find(lease.token.job_id, Detail::kSummary);
      if (!job || job->state != State::kRunning || seen(*job) != lease) continue;
      const std::string& owner = lease.token.owner;
      if (!held.contains(owner)) held[owner] = rows.owned(owner, kAll).size();
      lost.push_back(*std::move(job));
    }
    return lost;
  };
  return change_each(deadline, select, [&](Job& job, Rows& rows) -> Result<void> {
    const std::string owner = job.lease->owner;
    const std::string why = "its lease expired: its worker died, hung or lost the store";
    if (auto ok = rules_.lose(job, why, held.at(owner) == 1); !ok) return ok;
    rows.update(job);
    return {};
  });
}

Result<void> RowStore::probe(Deadline deadline) {
  return write(deadline, [&](Rows& rows) -> Result<void> {
    rows.touch(rules_.now());
    return {};
  });
}

Result<std::size_t> RowStore::promote_due(Deadline deadline) {
  // Of the selection: what was found to begin in the future must not have begun when it is changed.
  Time now;
  // The next of the places that jobs take, a microsecond apart up to now.
  Time place;
  return change_each(
      deadline,
      [&](Rows& rows) {
        now = rules_.now();
        std::vector<Job> found = rows.ahead_of_time(now, kBatch / 3);
        place = now - Micros(static_cast<std::int64_t>(found.size()));
        std::ranges::move(rows.set_back(now, kBatch / 3), std::back_inserter(found));
        std::ranges::move(rows.due(now, kBatch / 3), std::back_inserter(found));
        return found;
      },
      [&](Job& job, Rows& rows) -> Result<void> {
        if (job.state == State::kAvailable || job.state == State::kRunning) {
          rules_.take_place(job, place += Micros(1));
        } else if (auto ok = rules_.promote(job, now); !ok) {
          return ok;
        }
        rows.update(job);
        return {};
      });
}

// Ends that lie further in the future than their jobs may be kept are set to now.
Result<std::size_t> RowStore::finish_ahead_of_time(const Retention& retention, Deadline deadline) {
  const auto select = [&](Rows& rows) {
    const Time now = rules_.now();
    std::vector<Job> found;
    for (const auto& [state, kept] : kept_for(retention)) {
      std::ranges::move(rows.finished_after(state, now + kept, kBatch - found.size()),
                        std::back_inserter(found));
    }
    return found;
  };
  return change_each(deadline, select, [&](Job& job, Rows& rows) -> Result<void> {
    rules_.finish_now(job);
    rows.update(job);
    return {};
  });
}

Result<std::size_t> RowStore::prune(const Retention& retention, Deadline deadline) {
  const auto corrected = finish_ahead_of_time(retention, deadline);
  if (!corrected) return corrected;
  const auto pruned = change_each(
      deadline, [&](Rows& rows) { return kept_long_enough(rows, retention, {}, rules_.now()); },
      [](Job& job, Rows& rows) -> Result<void> {
        rows.erase(job.id);
        return {};
      });
  if (!pruned) return pruned;
  const auto more = prune_to_size(retention, deadline);
  if (!more) return more;
  return *corrected + *pruned + *more;
}

// Deletes final jobs, the oldest first, until the store is small enough.
Result<std::size_t> RowStore::prune_to_size(const Retention& retention, Deadline deadline) {
  bool any = false;
  auto looked = read(deadline, [&](Rows& rows) -> Result<void> {
    any = is_too_full(rows, retention);
    return {};
  });
  if (!looked) return saola::fail(looked);
  if (!any) return 0;
  std::size_t pruned = 0;
  auto done = write(deadline, [&](Rows& rows) -> Result<void> {
    pruned = 0;
    for (const Job& job : oldest_final(rows, retention, {}, rules_.now())) {
      if (pruned == kBatch || !is_too_full(rows, retention)) break;
      rows.erase(job.id);
      ++pruned;
    }
    return {};
  });
  if (!done) return saola::fail(done);
  return pruned;
}

Result<std::vector<Job>> RowStore::prunable(const Retention& retention, const EndOfJob& after,
                                            Deadline deadline) {
  if (const auto corrected = finish_ahead_of_time(retention, deadline); !corrected) {
    return saola::fail(corrected);
  }
  std::vector<Job> found;
  auto done = read(deadline, [&](Rows& rows) -> Result<void> {
    const Time now = rules_.now();
    found = kept_long_enough(rows, retention, after, now);
    if (!found.empty() || !is_too_full(rows, retention)) return {};
    found = oldest_final(rows, retention, after, now);
    if (found.size() > kAtOnceForSize) found.resize(kAtOnceForSize);
    return {};
  });
  if (!done) return saola::fail(done);
  return found;
}

Result<std::size_t> RowStore::erase(std::span<const Job> jobs, Deadline deadline) {
  const auto select = [&](Rows& rows) {
    std::vector<Job> same;
    for (const Job& seen : jobs) {
      auto job = rows.find(seen.id, Detail::kSummary);
      if (!job || !is_final(job->state)) continue;
      if (job->attempt != seen.attempt || job->finished_at != seen.finished_at) continue;
      same.push_back(*std::move(job));
    }
    return same;
  };
  return change_each(deadline, select, [](Job& job, Rows& rows) -> Result<void> {
    rows.erase(job.id);
    return {};
  });
}

Result<StoreUsage> RowStore::usage(Deadline deadline) {
  StoreUsage usage;
  auto done = read(deadline, [&](Rows& rows) -> Result<void> {
    usage = {.bytes = rows.bytes(),
             .has_room = check_bytes(rows).has_value(),
             .oldest_available = rows.oldest_available()};
    return {};
  });
  if (!done) return saola::fail(done);
  return usage;
}

}  // namespace saola::jobs
