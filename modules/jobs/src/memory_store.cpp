#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <tuple>

#include <saola/base/guarded.hpp>
#include <saola/jobs/memory_store.hpp>
#include <saola/jobs/row_store.hpp>

namespace saola::jobs {
namespace {

Job summary(const Job& job) {
  Job copy = job;
  copy.payload.clear();
  copy.result.reset();
  copy.checkpoint.clear();
  return copy;
}

// Plain scans over a map by id: clear enough to be the oracle of other stores.
class MemoryRows final : public Rows {
 public:
  std::optional<Job> find(std::string_view id, Detail detail) override {
    const auto it = jobs_.find(id);
    if (it == jobs_.end()) return std::nullopt;
    return detail == Detail::kFull ? it->second : summary(it->second);
  }

  std::optional<Job> find_idempotent(std::string_view kind, std::string_view key) override {
    return first([&](const Job& job) { return job.kind == kind && job.idempotency_key == key; });
  }

  std::optional<Job> find_unique(std::string_view kind, std::string_view key) override {
    return first([&](const Job& job) {
      return job.kind == kind && job.unique_key == key && !is_final(job.state);
    });
  }

  std::size_t count_waiting(std::string_view queue, std::size_t at_most) override {
    return std::min(at_most, count(queue, is_waiting));
  }

  void insert(const Job& job) override { jobs_.emplace(job.id, job); }

  void update(const Job& job) override {
    Job& row = jobs_.find(job.id)->second;
    Job changed = job;
    changed.payload = std::move(row.payload);
    changed.result = std::move(row.result);
    changed.checkpoint = std::move(row.checkpoint);
    row = std::move(changed);
  }

  void update_result(const Job& job) override { jobs_.find(job.id)->second.result = job.result; }

  void update_checkpoint(const Job& job) override {
    jobs_.find(job.id)->second.checkpoint = job.checkpoint;
  }

  void erase(std::string_view id) override { jobs_.erase(jobs_.find(id)); }

  void touch(Time) override {}

  std::vector<Job> available(std::string_view queue, std::string_view kind,
                             std::size_t limit) override {
    return select(
        limit,
        [&](const Job& job) {
          return job.state == State::kAvailable && job.queue == queue && job.kind == kind;
        },
        claimed_before);
  }

  std::vector<Job> owned(std::string_view owner, std::size_t limit) override {
    return select(limit, [&](const Job& job) {
      return job.state == State::kRunning && job.lease->owner == owner;
    });
  }

  std::vector<Job> running(std::size_t limit) override {
    return select(limit, [](const Job& job) { return job.state == State::kRunning; });
  }

  std::vector<Job> due(Time now, std::size_t limit) override {
    return select(
        limit,
        [&](const Job& job) {
          return (job.state == State::kScheduled || job.state == State::kRetryable) &&
                 job.scheduled_at <= now;
        },
        [](const Job& a, const Job& b) {
          return std::tie(a.scheduled_at, a.id) < std::tie(b.scheduled_at, b.id);
        });
  }

  std::vector<Job> set_back(Time now, std::size_t limit) override {
    return select(
        limit,
        [&](const Job& job) {
          return (job.state == State::kScheduled || job.state == State::kRetryable) &&
                 job.waits_since > now;
        },
        [](const Job& a, const Job& b) {
          return std::tie(*a.waits_since, a.id) < std::tie(*b.waits_since, b.id);
        });
  }

  std::vector<Job> ahead_of_time(Time now, std::size_t limit) override {
    return select(
        limit,
        [&](const Job& job) {
          return (job.state == State::kAvailable || job.state == State::kRunning) &&
                 job.place > now;
        },
        [](const Job& a, const Job& b) {
          return std::tie(a.place, a.id) < std::tie(b.place, b.id);
        });
  }

  std::vector<Job> finished_before(State state, const EndOfJob& after, Time time,
                                   std::size_t limit) override {
    return finished(state, limit, [&](const Job& job) {
      return std::tie(*job.finished_at, job.id) > std::tie(after.at, after.id) &&
             *job.finished_at < time;
    });
  }

  std::vector<Job> finished_after(State state, Time time, std::size_t limit) override {
    return finished(state, limit, [&](const Job& job) { return *job.finished_at > time; });
  }

  std::vector<Job> list(const ListRequest& request) override {
    return select(
        request.limit,
        [&](const Job& job) {
          return (request.states.empty() || std::ranges::count(request.states, job.state) > 0) &&
                 (request.kind.empty() || job.kind == request.kind) &&
                 (request.queue.empty() || job.queue == request.queue) &&
                 (request.cursor.empty() || job.id < request.cursor);
        },
        [](const Job& a, const Job& b) { return a.id > b.id; });
  }

  std::map<State, std::size_t> counts() override {
    std::map<State, std::size_t> counts;
    for (const auto& [id, job] : jobs_) ++counts[job.state];
    return counts;
  }

  QueueStatus queue_status(std::string_view queue) override {
    QueueStatus status;
    status.waiting = count(queue, is_waiting);
    status.available = count(queue, [](State s) { return s == State::kAvailable; });
    status.running = count(queue, [](State s) { return s == State::kRunning; });
    const std::vector<Job> latest = select(
        20, [&](const Job& job) { return job.queue == queue && job.state == State::kCompleted; },
        [](const Job& a, const Job& b) {
          return std::tie(*a.finished_at, a.id) > std::tie(*b.finished_at, b.id);
        });
    if (latest.empty()) return status;
    Micros total{0};
    // The clock may have been set back meanwhile.
    for (const Job& job : latest) total += std::max(*job.finished_at - *job.started_at, Micros(0));
    status.mean_run = total / static_cast<std::int64_t>(latest.size());
    return status;
  }

  std::size_t ahead_of(const Job& job) override {
    std::size_t ahead = 0;
    for (const auto& [id, other] : jobs_) {
      ahead += other.state == State::kAvailable && other.queue == job.queue &&
               claimed_before(other, job);
    }
    return ahead;
  }

  bool has_room() override { return true; }

  std::uint64_t bytes() override {
    std::uint64_t bytes = 0;
    for (const auto& [id, job] : jobs_) {
      bytes +=
          sizeof(Job) + job.payload.size() + job.result.value_or("").size() + job.checkpoint.size();
    }
    return bytes;
  }

  std::optional<Time> oldest_available() override {
    std::optional<Time> oldest;
    for (const auto& [id, job] : jobs_) {
      if (job.state != State::kAvailable) continue;
      oldest = std::min(oldest.value_or(job.scheduled_at), job.scheduled_at);
    }
    return oldest;
  }

 private:
  template <typename Wanted>
  std::vector<Job> finished(State state, std::size_t limit, Wanted wanted) const {
    return select(
        limit, [&](const Job& job) { return job.state == state && wanted(job); },
        [](const Job& a, const Job& b) {
          return std::tie(*a.finished_at, a.id) < std::tie(*b.finished_at, b.id);
        });
  }

  template <typename Wanted>
  std::optional<Job> first(Wanted wanted) const {
    for (const auto& [id, job] : jobs_) {
      if (wanted(job)) return job;
    }
    return std::nullopt;
  }

  template <typename Wanted>
  std::size_t count(std::string_view queue, Wanted wanted) const {
    std::size_t n = 0;
    for (const auto& [id, job] : jobs_) n += job.queue == queue && wanted(job.state);
    return n;
  }

  template <typename Wanted>
  std::vector<Job> select(std::size_t limit, Wanted wanted,
                          bool (*order)(const Job&, const Job&) = nullptr) const {
    std::vector<const Job*> found;
    for (const auto& [id, job] : jobs_) {
      if (wanted(job)) found.push_back(&job);
    }
    if (order != nullptr) {
      std::ranges::sort(found, [&](const Job* a, const Job* b) { return order(*a, *b); });
    }
    if (found.size() > limit) found.resize(limit);
    std::vector<Job> jobs;
    for (const Job* job : found) jobs.push_back(summary(*job));
    return jobs;
  }

  std::map<std::string, Job, std::less<>> jobs_;
};

class MemoryStore final : public RowStore {
 public:
  using RowStore::RowStore;

  std::uint64_t work_mark() override {
    const NativeLock lock(mutex_);
    return arrivals_;
  }

  bool wait_for_work(std::uint64_t mark, Deadline deadline, std::stop_token stop) override {
    NativeLock lock(mutex_);
    const auto arrived = [&]() LOCKED(mutex_) { return arrivals_ != mark; };
    if (deadline.is_never()) return arrived_.wait(lock, stop, arrived);
    return arrived_.wait_until(lock, stop, deadline.time(), arrived);
  }

 protected:
  Result<void> write(Deadline deadline, const Body& body) override { return run(deadline, body); }
  Result<void> read(Deadline deadline, const Body& body) override { return run(deadline, body); }

  void work_arrived() override {
    {
      const NativeLock lock(mutex_);
      ++arrivals_;
    }
    arrived_.notify_all();
  }

 private:
  Result<void> run(Deadline deadline, const Body& body) {
    const NativeLock lock(mutex_);
    if (deadline.passed()) {
      return saola::fail(ErrorCode::kTimedOut, "the job store was not reached in time");
    }
    return body(rows_);
  }

  NativeMutex mutex_;
  MemoryRows rows_ GUARDED_BY(mutex_);
  std::uint64_t arrivals_ GUARDED_BY(mutex_) = 0;
  std::condition_variable_any arrived_;
};

}  // namespace

std::unique_ptr<Store> make_memory_store(StoreOptions options) {
  return std::make_unique<MemoryStore>(std::move(options));
}

}  // namespace saola::jobs
