// Where jobs live. One interface for every store; conformance/ holds the suite that all must pass.
//
// Delivery: a job runs at least once; at most one attempt holds its lease at a time; a write of an
// attempt that lost its lease changes nothing; the final state is written exactly once.
//
//   store.enqueue({.kind = "split", .payload = R"({"groups":3})"}, Deadline::after(5s));
//
//   // A worker in its simplest form; TaskWorker does it properly.
//   const ClaimRequest mine{.owner = "host:1:4711", .kinds = {"split"}};
//   while (!stop.stop_requested()) {
//     const std::uint64_t mark = store.work_mark();                     // before the claim
//     auto jobs = store.claim(mine, Deadline::after(5s));
//     if (!jobs || jobs->empty()) {
//       store.wait_for_work(mark, Deadline::after(5s), stop);
//       continue;
//     }
//     for (const Job& job : *jobs) store.complete(job.token(), work(job), Deadline::after(5s));
//   }
//
// The calls come in groups: a client's (enqueue, get, list, cancel), an attempt's, which carry the
// token of its lease, an operator's (retry, counts, queue_status, usage), and upkeep
// (Maintainer's).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/jobs/job.hpp>

namespace saola::jobs {

// The wait before the next attempt: uniform in [0, min(cap, base × 2^(failures − 1))] ("full
// jitter", AWS Architecture Blog 2015), so that jobs which failed together do not come back
// together. By default up to 2 s after the first failure, 4, 8, 16, … and never more than 10 min.
struct Backoff {
  Micros base = std::chrono::seconds(2);
  Micros cap = std::chrono::minutes(10);
};

// 64 random bits a call. Must be thread-safe. system_random() asks the kernel; a test passes one
// that repeats.
using Random = std::function<std::uint64_t()>;
std::uint64_t system_random();

// What every store needs to know. Processes that share a store should be given the same limits:
// each applies its own.
struct StoreOptions {
  // Must outlive the store. Clocks of processes that share a database need not agree: a job that a
  // client wants run at a time runs by the clock of whoever promotes it.
  const Clock* clock = &real_clock();
  // For ids and backoff.
  Random random = system_random;
  // Jobs that may wait (scheduled, available, retryable) in each queue.
  std::size_t queue_limit = 10'000;
  // Once the store holds as many bytes, enqueue is refused; all else goes on, so that what was
  // accepted can end and be pruned. Zero: no limit.
  std::uint64_t max_bytes = 0;
  Backoff backoff;
  // Bytes; what is larger is kTooLarge. Each job may take so much memory in whoever reads it whole.
  std::size_t max_payload = 1 << 20;
  std::size_t max_result = 1 << 20;
  std::size_t max_checkpoint = 16 << 20;
};

// The answer of enqueue().
struct Enqueued {
  Job job;
  // False: `job` was there before (idempotency key or unique key).
  bool created = true;
};

// Who wants work, and which.
struct ClaimRequest {
  // Named in the leases; unique among the workers that live at the same time. Not empty.
  std::string owner;
  // Jobs of other kinds or queues are left alone. An empty list claims nothing.
  std::vector<std::string> kinds;
  std::vector<std::string> queues = {"default"};
  // At most so many jobs.
  std::size_t limit = 1;
  // How long the leases last until renewed; above zero.
  Micros lease = std::chrono::seconds(15);
};

// A lease as a look at the store found it. Two are equal when nobody renewed it in between.
struct LeaseSeen {
  LeaseToken token;
  Time expires_at;
  Micros length{0};
  bool operator==(const LeaseSeen&) const = default;
};

// What became of a lease that an attempt holds or held.
enum class LeaseState {
  kHeld,             // renewed
  kCancelRequested,  // renewed; somebody asked the job to stop
  kLost,             // another attempt may run: stop, and write nothing
};

// How an attempt failed.
struct FailRequest {
  std::string text;  // cut at 8 KiB
  // kDiscard: repeating cannot mend it. kRetry: to discarded only when no attempt is left.
  enum class Next { kRetry, kDiscard } next = Next::kRetry;
  // The wait until the next attempt; absent: Backoff decides.
  std::optional<Micros> retry_after;
};

// Which jobs to list, and how many at once.
//
//   ListRequest next{.states = {State::kDiscarded}};
//   do {
//     auto page = store.list(next, deadline);
//     if (!page) return page.error();
//     show(page->jobs);
//     next.cursor = page->next_cursor;
//   } while (!next.cursor.empty());
struct ListRequest {
  // Empty: every state, kind or queue.
  std::vector<State> states;
  std::string kind;
  std::string queue;
  // From Page::next_cursor; empty: from the newest.
  std::string cursor;
  std::size_t limit = 50;  // 1 … 1000
};

// One page of a list. Jobs that come while a client turns pages are newer than all of them and do
// not move them.
struct Page {
  // Newest first, without payload, result and checkpoint.
  std::vector<Job> jobs;
  // Where the next page begins; empty: this was the last.
  std::string next_cursor;
};

// How long final jobs are kept: what prune() deletes.
//
//   store.prune({.completed = std::chrono::days(1), .max_bytes = 10ULL << 30}, deadline);
struct Retention {
  Micros completed = std::chrono::days(7);
  Micros cancelled = std::chrono::days(7);
  Micros discarded = std::chrono::days(30);
  // While the store holds more bytes than this, final jobs are deleted before their time, the oldest
  // first. Zero: never.
  std::uint64_t max_bytes = 0;
  // But not before whoever waits for them has had this long to see their end.
  Micros at_least = std::chrono::minutes(1);
};

// Where one looks on among the final jobs: at those that ended after `at`, or then with a greater id.
struct EndOfJob {
  Time at = Time::min();
  std::string id;
};

// How full a store is, and how far behind its workers are.
struct StoreUsage {
  std::uint64_t bytes = 0;  // of all jobs, as max_bytes counts them
  bool has_room = true;     // enqueue() is not refused for want of space
  // Since when the oldest of the available jobs may be claimed; absent: none is available.
  std::optional<Time> oldest_available;
};

// How long a queue is and how fast it moves.
struct QueueStatus {
  std::size_t waiting = 0;    // scheduled, available or retryable
  std::size_t available = 0;  // of these, the ones a worker may claim now
  std::size_t running = 0;
  // Of the latest attempts of up to 20 jobs of this queue that completed last; absent: none yet.
  std::optional<Micros> mean_run;
};

struct QueuePosition {
  // Available jobs of this queue that go first. Zero once the job runs or is final.
  std::size_t ahead = 0;
  // Until it starts, were every worker to go on as now; absent while there is nothing to go by.
  std::optional<Micros> estimated_wait;
};

// Thread-safe. Every call blocks its thread, never suspends a fiber, until it is done or `deadline`
// passes (kTimedOut, and nothing was changed); there is no other way to cancel it. So web code
// offloads it.
//
// Writes are durable when they return. A store that can be shared by processes says so. Errors of
// every call besides its own: kUnavailable (the store cannot be reached or read now),
// kResourceExhausted (no space left), kDataCorrupt. Such a failure ends with the cause: the next
// call works. A write that failed with kUnavailable may have been stored all the same: look before
// repeating it, or make it repeatable by a key.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  // Stores a job, or answers with the one that its keys name. kInvalidArgument, kTooLarge;
  // kConflict: the idempotency key was used with another payload or queue; kResourceExhausted: the
  // queue is full (the text gives its depth), or the store holds max_bytes.
  virtual Result<Enqueued> enqueue(const NewJob& job, Deadline deadline) = 0;

  // Takes up to `limit` available jobs, highest priority first, then by place, then id. Each comes
  // complete, running, with `attempt` raised by one and a lease. May be empty. kInvalidArgument: no
  // owner, or a lease that is not above zero.
  //
  // A suspect whose turn has come is taken alone, by an owner that holds no other lease; one that
  // does gets nothing until it holds none, and an owner that runs a suspect gets nothing.
  virtual Result<std::vector<Job>> claim(const ClaimRequest& request, Deadline deadline) = 0;
  // Extends the leases to now + `lease`. Element i of the answer is about tokens[i]; a lost lease
  // is an answer, not an error.
  virtual Result<std::vector<LeaseState>> renew(std::span<const LeaseToken> tokens, Micros lease,
                                                Deadline deadline) = 0;

  // What renew() would answer, without extending anything: a look for cancel requests that takes no
  // right to write.
  virtual Result<std::vector<LeaseState>> lease_states(std::span<const LeaseToken> tokens,
                                                       Deadline deadline) = 0;

  // Writes of an attempt: kConflict when it has lost its lease, kNotFound when the job is gone;
  // after either it stops, for its job is another's. Progress: the fraction is cut to 0 … 1, the
  // message at 1 KiB; replaced by the next, and begun anew with each claim.
  virtual Result<void> set_progress(const LeaseToken& token, const Progress& progress,
                                    Deadline deadline) = 0;
  // Kept over attempts until the job is completed; replaces the one before. Claimed with the job,
  // so the next attempt goes on from it. kTooLarge: nothing is changed.
  virtual Result<void> set_checkpoint(const LeaseToken& token, std::string_view checkpoint,
                                      Deadline deadline) = 0;
  // The attempt is done: keeps the result, and deletes the checkpoint. kTooLarge: nothing changes,
  // and the attempt may end in another way.
  virtual Result<void> complete(const LeaseToken& token, std::string_view result,
                                Deadline deadline) = 0;
  // Ends the attempt as failed, with its text among the job's errors. To retryable while attempts
  // are left, else to discarded; a job that was asked to stop ends cancelled.
  virtual Result<void> fail(const LeaseToken& token, const FailRequest& request,
                            Deadline deadline) = 0;
  // Ends the attempt without counting it; runs again after `delay` (zero or less: at once), in its
  // old place.
  virtual Result<void> snooze(const LeaseToken& token, Micros delay, Deadline deadline) = 0;
  // Ends the attempt without counting it as a failure: this worker shuts down. Keeps its place in
  // the queue and its checkpoint; a job that was asked to stop ends cancelled.
  virtual Result<void> requeue(const LeaseToken& token, Deadline deadline) = 0;
  // Ends the attempt in cancelled, whether or not somebody asked for it.
  virtual Result<void> confirm_cancelled(const LeaseToken& token, Deadline deadline) = 0;

  // Asks the job to stop: one that waits is cancelled at once, one that runs learns it with its
  // next renewal. Answers the job as it is then. Repeating it is no error; kConflict when the job
  // is completed or discarded; kNotFound.
  virtual Result<Job> cancel(std::string_view id, Deadline deadline) = 0;
  // Runs a discarded, cancelled or retryable job again, at once and with all its attempts; keeps
  // its checkpoint. kConflict in other states (enqueue a completed job anew), or when another job
  // holds its unique key; kNotFound; kResourceExhausted when the queue is full.
  virtual Result<Job> retry(std::string_view id, Deadline deadline) = 0;

  // The job complete, with payload, result and checkpoint. kNotFound: there was none, or it was
  // pruned.
  virtual Result<Job> get(std::string_view id, Deadline deadline) = 0;
  // Newest first. kInvalidArgument: the cursor is not one of ours, or the limit is not 1 … 1000.
  virtual Result<Page> list(const ListRequest& request, Deadline deadline) = 0;
  // How many jobs are in each state; every state has an entry.
  virtual Result<std::map<State, std::size_t>> counts(Deadline deadline) = 0;
  // How many jobs of the queue wait and run, and how long they took lately. A queue that never had
  // a job is not an error: all zero.
  virtual Result<QueueStatus> queue_status(std::string_view queue, Deadline deadline) = 0;
  // Where the job stands in its queue, and a guess when it starts. kNotFound.
  virtual Result<QueuePosition> position(std::string_view id, Deadline deadline) = 0;
  // What the store holds, and since when its oldest available job waits.
  virtual Result<StoreUsage> usage(Deadline deadline) = 0;

  // Upkeep. Each answers how many jobs it handled; idempotent, so that every worker may call it.
  // promote_due() and prune() handle at most 1000 (by age and by size each), the rest the next time.
  //
  // Takes away all leases of an owner that is known to be dead, in one step. When it held one the
  // attempt failed; when it held several nobody knows whose fault it was: they are suspects, and
  // none has failed.
  virtual Result<std::size_t> release_owner(std::string_view owner, Deadline deadline) = 0;
  // The leases of all running jobs.
  virtual Result<std::vector<LeaseSeen>> leases(Deadline deadline) = 0;
  // Takes away those of `leases` that are still as they were seen, as release_owner() does,
  // looking at all that their owners hold. LeaseWatch says which.
  virtual Result<std::size_t> take_back(std::span<const LeaseSeen> leases, Deadline deadline) = 0;
  // A durable write that changes no job: works when and only when others would.
  virtual Result<void> probe(Deadline deadline) = 0;
  // scheduled and retryable jobs whose time has come become available. Where the clock was set back
  // since, a wait for a length of time begins anew, and available and running jobs whose place lies
  // in the future take the present one, in their order.
  virtual Result<std::size_t> promote_due(Deadline deadline) = 0;
  // Deletes final jobs that finished longer ago than `retention` says, and while the store holds
  // more bytes than it says, the oldest final ones. One that finished further in the future than it
  // may be kept, as the clock was set back since, has finished now.
  virtual Result<std::size_t> prune(const Retention& retention, Deadline deadline) = 0;
  // prune() in two steps, for whoever has to remove first what the jobs have left elsewhere.
  // prunable() answers what prune() would delete, summaries, at most 1000 of them, of those that
  // would go for the store's size 10: once these are deleted, look again. It passes over the
  // completed jobs up to `after`. erase() deletes those of `jobs` that are still as they were seen.
  virtual Result<std::vector<Job>> prunable(const Retention& retention, const EndOfJob& after,
                                            Deadline deadline) = 0;
  virtual Result<std::size_t> erase(std::span<const Job> jobs, Deadline deadline) = 0;

  // Waiting for work without polling the claim. Take a mark, claim, and when that finds nothing
  // wait with the mark: a job that became available since is not missed, whichever process brought
  // it.
  virtual std::uint64_t work_mark() = 0;
  // True: there may be work (also spuriously). False: the deadline passed or `stop` was requested.
  // Wakes at once for this process's own changes; a store shared by processes says how late it may
  // be for others'.
  virtual bool wait_for_work(std::uint64_t mark, Deadline deadline, std::stop_token stop) = 0;
};

}  // namespace saola::jobs
