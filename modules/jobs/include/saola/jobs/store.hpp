// Where jobs live. One interface for every store; conformance/ holds the suite that all must pass.
//
// Delivery: a job runs at least once; at most one attempt holds its lease at a time; a write of an
// attempt that lost its lease changes nothing; the final state is written exactly once.
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
// jitter", so that jobs which failed together do not come back together).
struct Backoff {
  Micros base = std::chrono::seconds(2);
  Micros cap = std::chrono::minutes(10);
};

// 64 random bits. Must be thread-safe. system_random() asks the kernel.
using Random = std::function<std::uint64_t()>;
std::uint64_t system_random();

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
  // Bytes.
  std::size_t max_payload = 1 << 20;
  std::size_t max_result = 1 << 20;
  std::size_t max_checkpoint = 16 << 20;
};

struct Enqueued {
  Job job;
  // False: `job` was there before (idempotency key or unique key).
  bool created = true;
};

struct ClaimRequest {
  std::string owner;
  // Jobs of other kinds or queues are left alone. An empty list claims nothing.
  std::vector<std::string> kinds;
  std::vector<std::string> queues = {"default"};
  std::size_t limit = 1;
  Micros lease = std::chrono::seconds(15);
};

// A lease as a look at the store found it.
struct LeaseSeen {
  LeaseToken token;
  Time expires_at;
  Micros length{0};
  bool operator==(const LeaseSeen&) const = default;
};

enum class LeaseState {
  kHeld,             // renewed
  kCancelRequested,  // renewed; somebody asked the job to stop
  kLost,             // another attempt may run: stop, and write nothing
};

// How an attempt failed.
struct FailRequest {
  std::string text;  // cut at 8 KiB
  // True: discard; repeating cannot mend it.
  enum class Next { kRetry, kDiscard } next = Next::kRetry;
  // When to retry; absent: Backoff decides.
  std::optional<Micros> retry_after;
};

struct ListRequest {
  // Empty: every state, kind or queue.
  std::vector<State> states;
  std::string kind;
  std::string queue;
  // From Page::next_cursor; empty: from the newest.
  std::string cursor;
  std::size_t limit = 50;  // 1 … 1000
};

struct Page {
  // Newest first, without payload, result and checkpoint.
  std::vector<Job> jobs;
  // Where the next page begins; empty: this was the last.
  std::string next_cursor;
};

// How long final jobs are kept.
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

struct StoreUsage {
  std::uint64_t bytes = 0;  // of all jobs, as max_bytes counts them
  // Since when the oldest of the available jobs may be claimed; absent: none is available.
  std::optional<Time> oldest_available;
};

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

// Thread-safe. Every call blocks its thread until it is done or `deadline` passes (kTimedOut, and
// nothing was changed). Writes are durable when they return. A store that can be shared by
// processes says so. Errors of every call besides its own: kUnavailable (the store cannot be
// reached or read now), kResourceExhausted (no space left), kDataCorrupt. Such a failure ends with
// the cause: the next call works.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  // kInvalidArgument, kTooLarge; kConflict: the idempotency key was used with another payload;
  // kResourceExhausted: the queue is full (the text tells its depth), or the store holds max_bytes.
  virtual Result<Enqueued> enqueue(const NewJob& job, Deadline deadline) = 0;

  // Takes up to `limit` available jobs, highest priority first, then by place, then id. Each comes
  // complete, running, with `attempt` raised by one and a lease. May be empty. A suspect whose turn
  // has come is taken alone, by an owner that holds no other lease; one that does gets nothing
  // until it holds none, and an owner that runs a suspect gets nothing.
  virtual Result<std::vector<Job>> claim(const ClaimRequest& request, Deadline deadline) = 0;
  // Extends the leases to now + `lease`. Element i of the answer tells about tokens[i].
  virtual Result<std::vector<LeaseState>> renew(std::span<const LeaseToken> tokens, Micros lease,
                                                Deadline deadline) = 0;

  // What renew() would answer, without extending anything: a look for cancel requests.
  virtual Result<std::vector<LeaseState>> lease_states(std::span<const LeaseToken> tokens,
                                                       Deadline deadline) = 0;

  // Writes of an attempt: kConflict when it has lost its lease, kNotFound when the job is gone.
  // The fraction is cut to 0 … 1, the message at 1 KiB.
  virtual Result<void> set_progress(const LeaseToken& token, const Progress& progress,
                                    Deadline deadline) = 0;
  // Kept over attempts until the job is completed. kTooLarge.
  virtual Result<void> set_checkpoint(const LeaseToken& token, std::string_view checkpoint,
                                      Deadline deadline) = 0;
  // kTooLarge.
  virtual Result<void> complete(const LeaseToken& token, std::string_view result,
                                Deadline deadline) = 0;
  // To retryable while attempts are left, else to discarded.
  virtual Result<void> fail(const LeaseToken& token, const FailRequest& request,
                            Deadline deadline) = 0;
  // Ends the attempt without counting it; runs again after `delay` (zero: at once).
  virtual Result<void> snooze(const LeaseToken& token, Micros delay, Deadline deadline) = 0;
  // Ends the attempt without counting it: this worker shuts down. Keeps its place in the queue.
  virtual Result<void> requeue(const LeaseToken& token, Deadline deadline) = 0;
  virtual Result<void> confirm_cancelled(const LeaseToken& token, Deadline deadline) = 0;

  // Asks the job to stop: one that waits is cancelled at once, one that runs learns it with its
  // next renewal. Answers the job as it is then. Repeating it is no error; kConflict when the job
  // is completed or discarded; kNotFound.
  virtual Result<Job> cancel(std::string_view id, Deadline deadline) = 0;
  // Runs a discarded, cancelled or retryable job again, at once and with all its attempts; keeps
  // its checkpoint. kConflict in other states (enqueue a completed job anew), or when another job
  // holds its unique key; kNotFound; kResourceExhausted when the queue is full.
  virtual Result<Job> retry(std::string_view id, Deadline deadline) = 0;

  virtual Result<Job> get(std::string_view id, Deadline deadline) = 0;
  // kInvalidArgument: the cursor or the limit is invalid.
  virtual Result<Page> list(const ListRequest& request, Deadline deadline) = 0;
  // Every state has an entry.
  virtual Result<std::map<State, std::size_t>> counts(Deadline deadline) = 0;
  virtual Result<QueueStatus> queue_status(std::string_view queue, Deadline deadline) = 0;
  // kNotFound.
  virtual Result<QueuePosition> position(std::string_view id, Deadline deadline) = 0;
  virtual Result<StoreUsage> usage(Deadline deadline) = 0;

  // Upkeep. Each handles a bounded number of jobs (at most 1000) and answers how many; idempotent,
  // so that every worker may call it.
  // Takes away all leases of an owner that is known to be dead. When it held one the attempt
  // failed; when it held several nobody knows whose fault it was: they are suspects, and none has
  // failed.
  virtual Result<std::size_t> release_owner(std::string_view owner, Deadline deadline) = 0;
  // All leases; and taking away those of `leases` that are still as they were seen, as
  // release_owner() does. LeaseWatch says which.
  virtual Result<std::vector<LeaseSeen>> leases(Deadline deadline) = 0;
  virtual Result<std::size_t> take_back(std::span<const LeaseSeen> leases, Deadline deadline) = 0;
  // A durable write that changes no job: works when and only when others would.
  virtual Result<void> probe(Deadline deadline) = 0;
  // scheduled and retryable jobs whose time has come become available. Where the clock was set back
  // since, a wait for a length of time begins anew, and available and running jobs whose place lies
  // in the future take the present one, in their order.
  virtual Result<std::size_t> promote_due(Deadline deadline) = 0;
  // Deletes final jobs that finished longer ago than `retention` says. One that finished further in
  // the future than it may be kept, as the clock was set back since, has finished now.
  virtual Result<std::size_t> prune(const Retention& retention, Deadline deadline) = 0;

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
