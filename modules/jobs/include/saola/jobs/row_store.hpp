// Every verb of Store, written once over rows. A backend supplies rows and transactions:
//
//   class MyStore final : public RowStore {
//     using RowStore::RowStore;
//     Result<void> write(Deadline deadline, const Body& body) override;  // begin, body, commit
//     Result<void> read(Deadline deadline, const Body& body) override;   // of one snapshot
//     void work_arrived() override;                                      // wakes wait_for_work()
//     …                                                     // work_mark() and wait_for_work()
//   };
//
// The rules are not the backend's business: which jobs a claim takes, what an attempt may still
// write, when a queue is full. RowStore reads rows, lets Lifecycle change the copy, and writes it
// back, all in one transaction. row_store.cpp opens with how; the suite in conformance/ checks a
// backend.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/jobs/lifecycle.hpp>
#include <saola/jobs/store.hpp>

namespace saola::jobs {

// Whether to read a job's payload, result and checkpoint. A summary has these three empty and all
// else, its errors too.
enum class Detail { kSummary, kFull };

// The rows of one transaction, valid during the Body that was given them, for its thread only.
// Every read sees the writes before it. A backend that meets a failure notes it, answers empty and
// ignores writes from then on, and fails the transaction; so these calls have no error of their
// own.
class Rows {
 public:
  virtual ~Rows() = default;

  // The job of this id, or nullopt.
  virtual std::optional<Job> find(std::string_view id, Detail detail) = 0;
  // Complete jobs. REQUIRES: a key that is not empty. There is at most one: enqueue() looks here
  // before it inserts. find_unique() finds a job that is not final.
  virtual std::optional<Job> find_idempotent(std::string_view kind, std::string_view key) = 0;
  virtual std::optional<Job> find_unique(std::string_view kind, std::string_view key) = 0;
  // Jobs that wait in `queue`, counted up to `at_most`.
  virtual std::size_t count_waiting(std::string_view queue, std::size_t at_most) = 0;

  // Adds a job with its payload. REQUIRES: as Lifecycle::create() made it, never claimed: no lease,
  // errors, result or checkpoint, no counters, no times of an attempt; and no row has its id.
  virtual void insert(const Job& job) = 0;
  // Writes back what the moves of a job's life change: state, attempt, failures, interruptions,
  // suspect, scheduled_at, place, waits_since, started_at, finished_at, progress, cancel_requested,
  // lease, and the latest of its errors.
  //
  // Leaves as stored whatever `job` holds: payload, result and checkpoint, so that a summary may be
  // written back without losing them.
  //
  // REQUIRES: `job` was found in this transaction and changed by Lifecycle since. So what is fixed
  // at insert() is as it was (id, kind, queue, priority, max_attempts, timeout, created_at, both
  // keys), and its errors are the stored ones with at most one behind them, whose attempt is
  // job.attempt, and the oldest gone beyond kMaxErrors. A backend may rely on it and write only
  // what can differ, or all.
  virtual void update(const Job& job) = 0;
  // Write job.result, or job.checkpoint, and nothing else; an empty one deletes what is stored.
  // REQUIRES: the row exists. They are apart from update() because they may be megabytes, and a
  // heartbeat is not.
  virtual void update_result(const Job& job) = 0;
  virtual void update_checkpoint(const Job& job) = 0;
  // Deletes the job and all that belongs to it. REQUIRES: the row exists.
  virtual void erase(std::string_view id) = 0;
  // A write that changes no job, and reaches the disk as every other: how probe() finds out whether
  // the store takes writes.
  virtual void touch(Time now) = 0;

  // Summaries of the available jobs of one queue and kind, in the order of claimed_before().
  virtual std::vector<Job> available(std::string_view queue, std::string_view kind,
                                     std::size_t limit) = 0;
  // Summaries by id up, at most `limit`: of the running jobs, and those that run under a lease of
  // `owner`.
  virtual std::vector<Job> running(std::size_t limit) = 0;
  virtual std::vector<Job> owned(std::string_view owner, std::size_t limit) = 0;
  // Summaries of scheduled and retryable jobs with scheduled_at ≤ now, by scheduled_at and id up.
  virtual std::vector<Job> due(Time now, std::size_t limit) = 0;
  // Summaries of scheduled and retryable jobs with waits_since > now, by waits_since and id up:
  // their wait began before the clock was set back.
  virtual std::vector<Job> set_back(Time now, std::size_t limit) = 0;
  // Summaries of available and running jobs with place > now, by place and id up: the clock was set
  // back since they got it.
  virtual std::vector<Job> ahead_of_time(Time now, std::size_t limit) = 0;
  // Summaries of jobs in the final state `state` that finished before, or after, `time`, by
  // finished_at and id up; the first begins behind `after` in that order.
  virtual std::vector<Job> finished_before(State state, const EndOfJob& after, Time time,
                                           std::size_t limit) = 0;
  virtual std::vector<Job> finished_after(State state, Time time, std::size_t limit) = 0;

  // Summaries by id down, at most request.limit, that match request.states, kind and queue (each
  // empty: all), with ids below request.cursor unless that is empty.
  virtual std::vector<Job> list(const ListRequest& request) = 0;
  // States without a job may be missing.
  virtual std::map<State, std::size_t> counts() = 0;
  // Exact counts; mean_run of the up to 20 completed jobs of this queue with the latest
  // finished_at, each finished_at − started_at or zero when the clock was set back between.
  virtual QueueStatus queue_status(std::string_view queue) = 0;
  // Available jobs of job.queue that claim order puts before `job`.
  virtual std::size_t ahead_of(const Job& job) = 0;
  // What all jobs take, as StoreOptions::max_bytes is measured; falls when jobs are erased.
  virtual std::uint64_t bytes() = 0;
  // Whether new jobs may be stored: on the disk there is more than what is kept back for those that
  // were accepted, so that these can end whatever fills it.
  virtual bool has_room() = 0;
  // The least scheduled_at of the available jobs; nullopt: there are none.
  virtual std::optional<Time> oldest_available() = 0;
};

// Store over transactions of rows. Thread-safe when write() and read() are.
//
// What each verb promises its caller is said in store.hpp; here is what it does to rows. Each is
// one transaction (claim and upkeep read() first, so that finding nothing costs no right to write,
// and look again in the transaction). So what a verb looked at still holds when it writes: two
// enqueues with one key make one job, and an attempt whose token was checked still holds its lease.
//
// Whatever is not named stays as it was: kind, queue, payload, priority, limits and keys of a job
// never change, its checkpoint only by set_checkpoint() and complete(), its errors only grow, but
// for the oldest of more than kMaxErrors.
class RowStore : public Store {
 public:
  explicit RowStore(StoreOptions options);

  // Looks for a job with the idempotency key, then for one with the unique key that is not final,
  // then for room: the queue's waiting jobs, the store's bytes, the disk. Inserts a job when both keys are
  // free and there is room.
  Result<Enqueued> enqueue(const NewJob& job, Deadline deadline) final;
  // Looks at the available jobs of each queue and kind, and at what the owner holds. Of each job it
  // takes: running, attempt one higher, started_at, progress none, a lease.
  Result<std::vector<Job>> claim(const ClaimRequest& request, Deadline deadline) final;
  // Of each job whose token holds: lease->expires_at and length.
  Result<std::vector<LeaseState>> renew(std::span<const LeaseToken> tokens, Micros lease,
                                        Deadline deadline) final;
  // Reads.
  Result<std::vector<LeaseState>> lease_states(std::span<const LeaseToken> tokens,
                                               Deadline deadline) final;
  // Of the token's job: progress.
  Result<void> set_progress(const LeaseToken& token, const Progress& progress,
                            Deadline deadline) final;
  // Of the token's job: the checkpoint alone.
  Result<void> set_checkpoint(const LeaseToken& token, std::string_view checkpoint,
                              Deadline deadline) final;
  // Of the token's job: completed, finished_at, the result, no checkpoint, all of the progress, no
  // lease, no suspect any more.
  Result<void> complete(const LeaseToken& token, std::string_view result, Deadline deadline) final;
  // Of the token's job: failures one higher, an error, no lease, no suspect any more; then
  // retryable, with scheduled_at and waits_since, or discarded, with finished_at. Cancelled instead
  // when that was asked for, here as in snooze() and requeue().
  Result<void> fail(const LeaseToken& token, const FailRequest& request, Deadline deadline) final;
  // Of the token's job: scheduled, with scheduled_at and waits_since (available at once for no
  // delay), no lease, no suspect any more. Counts nothing.
  Result<void> snooze(const LeaseToken& token, Micros delay, Deadline deadline) final;
  // Of the token's job: available, scheduled_at now, interruptions one higher, no lease. A suspect
  // stays one: it has not ended by itself.
  Result<void> requeue(const LeaseToken& token, Deadline deadline) final;
  // Of the token's job: cancelled, finished_at, no lease.
  Result<void> confirm_cancelled(const LeaseToken& token, Deadline deadline) final;
  // A waiting job: cancelled, finished_at. A running one: cancel_requested. A cancelled one:
  // nothing.
  Result<Job> cancel(std::string_view id, Deadline deadline) final;
  // Looks at the unique key and the room in the queue, unless the job waits already. The job:
  // available, with failures 0, a new place, scheduled_at now, no finished_at. Its attempts go on
  // counting.
  Result<Job> retry(std::string_view id, Deadline deadline) final;
  // Each of these is one read(), of one state of the store.
  Result<Job> get(std::string_view id, Deadline deadline) final;
  Result<Page> list(const ListRequest& request, Deadline deadline) final;
  Result<std::map<State, std::size_t>> counts(Deadline deadline) final;
  Result<QueueStatus> queue_status(std::string_view queue, Deadline deadline) final;
  Result<QueuePosition> position(std::string_view id, Deadline deadline) final;
  Result<StoreUsage> usage(Deadline deadline) final;
  // Of all jobs of the owner, no lease and an error. The only one has failed once more and
  // is available, retryable or discarded; several are available, one interruption more each, and
  // suspects.
  Result<std::size_t> release_owner(std::string_view owner, Deadline deadline) final;
  // Reads the running jobs, by id.
  Result<std::vector<LeaseSeen>> leases(Deadline deadline) final;
  // As release_owner(), of those of `leases` whose jobs have the same token, expiry and length yet.
  // Whether a job was its owner's only one is asked before any is taken.
  Result<std::size_t> take_back(std::span<const LeaseSeen> leases, Deadline deadline) final;
  // touch().
  Result<void> probe(Deadline deadline) final;
  // Of up to a third of 1000 of each: jobs whose place lies in the future take places up to now, in
  // their order; those whose wait began in the future wait anew; those that are due are available.
  Result<std::size_t> promote_due(Deadline deadline) final;
  // Erases up to 1000 jobs that have been final for long enough; one that finished in the future,
  // further off than it may be kept, finishes now instead. Then, in a transaction of its own, up to
  // 1000 more while the store is too large.
  Result<std::size_t> prune(const Retention& retention, Deadline deadline) final;
  // As prune(), but reads the jobs that have been final for long enough.
  Result<std::vector<Job>> prunable(const Retention& retention, const EndOfJob& after,
                                    Deadline deadline) final;
  // Erases those of `jobs` that are final in the same attempt, since the same time.
  Result<std::size_t> erase(std::span<const Job> jobs, Deadline deadline) final;

 protected:
  // The work of a transaction. It may be run again from the start, after a failed attempt to commit
  // it, so it assigns its outputs rather than adding to them.
  //
  // A Body that returns an error has written nothing before it: it looks first and writes last. The
  // error is passed on, and no backend undoes anything for it: the transaction, which others may
  // share, is committed all the same.
  using Body = std::function<Result<void>(Rows&)>;
  // Runs `body` in a transaction, one body at a time, durable when this returns without an error.
  // Then returns what `body` returned, or why the transaction failed: kTimedOut (before `body`
  // could begin by `deadline`: nothing was written), kUnavailable, kResourceExhausted,
  // kDataCorrupt. `body` and what it refers to are not used any more once this has returned.
  virtual Result<void> write(Deadline deadline, const Body& body) = 0;
  // Runs `body` on one consistent state; it must not change rows. Several may run at once, and
  // beside a write. Errors as write().
  virtual Result<void> read(Deadline deadline, const Body& body) = 0;
  // A transaction that made jobs available has been written: changes work_mark() and wakes
  // everybody in wait_for_work(). Called outside transactions, by any thread.
  virtual void work_arrived() = 0;

 private:
  using Change = std::function<Result<void>(Job&, Rows&)>;
  Result<void> change_attempt(const LeaseToken& token, Deadline deadline, const Change& change);
  Result<void> end_attempt(const LeaseToken& token, Deadline deadline, const Change& change);
  Result<Job> change_job(std::string_view id, Deadline deadline, const Change& change);
  Result<void> check_room(Rows& rows, const std::string& queue) const;
  Result<void> check_bytes(Rows& rows) const;
  Result<std::size_t> finish_ahead_of_time(const Retention& retention, Deadline deadline);
  Result<std::size_t> prune_to_size(const Retention& retention, Deadline deadline);
  using Select = std::function<std::vector<Job>(Rows&)>;
  Result<std::size_t> change_each(Deadline deadline, const Select& select, const Change& change);

  // Used inside write() only, which runs one body at a time; options() and now() anywhere.
  Lifecycle rules_;
};

}  // namespace saola::jobs
