// Every verb of Store, written once over rows. A backend supplies rows and transactions.
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

// Whether to read a job's payload, result and checkpoint.
enum class Detail { kSummary, kFull };

// The rows of one transaction. A backend that meets a failure notes it, answers empty from then on,
// and fails the transaction; so these calls have no error of their own.
class Rows {
 public:
  virtual ~Rows() = default;

  virtual std::optional<Job> find(std::string_view id, Detail detail) = 0;
  // Complete jobs. The second one only finds jobs that are not final.
  virtual std::optional<Job> find_idempotent(std::string_view kind, std::string_view key) = 0;
  virtual std::optional<Job> find_unique(std::string_view kind, std::string_view key) = 0;
  // Jobs that wait in `queue`, counted up to `at_most`.
  virtual std::size_t count_waiting(std::string_view queue, std::size_t at_most) = 0;

  virtual void insert(const Job& job) = 0;
  // Writes all but payload, result and checkpoint, which never change or have a call of their own.
  virtual void update(const Job& job) = 0;
  virtual void update_result(const Job& job) = 0;
  virtual void update_checkpoint(const Job& job) = 0;
  virtual void erase(std::string_view id) = 0;
  // A write that changes no job, and reaches the disk as every other.
  virtual void touch(Time now) = 0;

  // Summaries, in the order of claimed_before().
  virtual std::vector<Job> available(std::string_view queue, std::string_view kind,
                                     std::size_t limit) = 0;
  // Summaries by id up: of the running jobs, and those that run under a lease of `owner`.
  virtual std::vector<Job> running(std::size_t limit) = 0;
  virtual std::vector<Job> owned(std::string_view owner, std::size_t limit) = 0;
  // Summaries of scheduled and retryable jobs with scheduled_at ≤ now, by scheduled_at and id
  // up.
  virtual std::vector<Job> due(Time now, std::size_t limit) = 0;
  // The same with waits_since > now: jobs whose wait began before the clock was set back.
  virtual std::vector<Job> set_back(Time now, std::size_t limit) = 0;
  // Summaries of available and running jobs with place > now, by place and id up: the clock was set
  // back since they got it.
  virtual std::vector<Job> ahead_of_time(Time now, std::size_t limit) = 0;
  // Summaries of jobs in the final state `state` that finished before, or after, `time`, by
  // finished_at and id up.
  virtual std::vector<Job> finished_before(State state, Time time, std::size_t limit) = 0;
  virtual std::vector<Job> finished_after(State state, Time time, std::size_t limit) = 0;

  // Summaries by id down, at most request.limit, below request.cursor unless that is empty.
  virtual std::vector<Job> list(const ListRequest& request) = 0;
  // States without a job may be missing.
  virtual std::map<State, std::size_t> counts() = 0;
  virtual QueueStatus queue_status(std::string_view queue) = 0;
  // Available jobs of job.queue that claim order puts before `job`.
  virtual std::size_t ahead_of(const Job& job) = 0;
  // What all jobs take, and since when the oldest of the available ones is.
  virtual std::uint64_t bytes() = 0;
  virtual std::optional<Time> oldest_available() = 0;
};

class RowStore : public Store {
 public:
  explicit RowStore(StoreOptions options);

  Result<Enqueued> enqueue(const NewJob& job, Deadline deadline) final;
  Result<std::vector<Job>> claim(const ClaimRequest& request, Deadline deadline) final;
  Result<std::vector<LeaseState>> renew(std::span<const LeaseToken> tokens, Micros lease,
                                        Deadline deadline) final;
  Result<std::vector<LeaseState>> lease_states(std::span<const LeaseToken> tokens,
                                               Deadline deadline) final;
  Result<void> set_progress(const LeaseToken& token, const Progress& progress,
                            Deadline deadline) final;
  Result<void> set_checkpoint(const LeaseToken& token, std::string_view checkpoint,
                              Deadline deadline) final;
  Result<void> complete(const LeaseToken& token, std::string_view result, Deadline deadline) final;
  Result<void> fail(const LeaseToken& token, const FailRequest& request, Deadline deadline) final;
  Result<void> snooze(const LeaseToken& token, Micros delay, Deadline deadline) final;
  Result<void> requeue(const LeaseToken& token, Deadline deadline) final;
  Result<void> confirm_cancelled(const LeaseToken& token, Deadline deadline) final;
  Result<Job> cancel(std::string_view id, Deadline deadline) final;
  Result<Job> retry(std::string_view id, Deadline deadline) final;
  Result<Job> get(std::string_view id, Deadline deadline) final;
  Result<Page> list(const ListRequest& request, Deadline deadline) final;
  Result<std::map<State, std::size_t>> counts(Deadline deadline) final;
  Result<QueueStatus> queue_status(std::string_view queue, Deadline deadline) final;
  Result<QueuePosition> position(std::string_view id, Deadline deadline) final;
  Result<StoreUsage> usage(Deadline deadline) final;
  Result<std::size_t> release_owner(std::string_view owner, Deadline deadline) final;
  Result<std::vector<LeaseSeen>> leases(Deadline deadline) final;
  Result<std::size_t> take_back(std::span<const LeaseSeen> leases, Deadline deadline) final;
  Result<void> probe(Deadline deadline) final;
  Result<std::size_t> promote_due(Deadline deadline) final;
  Result<std::size_t> prune(const Retention& retention, Deadline deadline) final;

 protected:
  // The work of a transaction. An error it answers is passed on, and it has changed nothing then.
  // It may be run again from the start.
  using Body = std::function<Result<void>(Rows&)>;
  // Runs `body` in a transaction of its own, one at a time, durable when this returns. `body` is
  // not called any more once this has returned.
  virtual Result<void> write(Deadline deadline, const Body& body) = 0;
  // Runs `body` on one consistent state; it must not change rows. Several may run at once.
  virtual Result<void> read(Deadline deadline, const Body& body) = 0;
  // A transaction that made jobs available has been written.
  virtual void work_arrived() = 0;

 private:
  using Change = std::function<Result<void>(Job&, Rows&)>;
  Result<void> change_attempt(const LeaseToken& token, Deadline deadline, const Change& change);
  Result<void> end_attempt(const LeaseToken& token, Deadline deadline, const Change& change);
  Result<Job> change_job(std::string_view id, Deadline deadline, const Change& change);
  Result<void> check_room(Rows& rows, const std::string& queue) const;
  Result<void> check_bytes(Rows& rows) const;
  Result<std::size_t> prune_to_size(const Retention& retention, Deadline deadline);
  using Select = std::function<std::vector<Job>(Rows&)>;
  Result<std::size_t> change_each(Deadline deadline, const Select& select, const Change& change);

  // Used inside write() only, which runs one body at a time; options() and now() anywhere.
  Lifecycle rules_;
};

}  // namespace saola::jobs
