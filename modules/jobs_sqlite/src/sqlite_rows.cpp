#include "sqlite_rows.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>

namespace saola::jobs_sqlite {

using jobs::Detail;
using jobs::Job;
using jobs::Micros;
using jobs::State;
using jobs::Time;

// The columns that row() reads, in its order.
#define SAOLA_JOB_COLUMNS                                                                      \
  "SELECT id, kind, queue, state, priority, attempt, failures, interruptions, max_attempts, "  \
  "timeout, created_at, scheduled_at, place, waits_since, started_at, finished_at, progress, " \
  "message, suspect, cancel_requested, lease_owner, lease_expires_at, lease_length, "          \
  "idempotency_key, unique_key FROM jobs "

namespace {

// Of a disk that new jobs fill, so much, or a fifth of a small one, is left for what the accepted
// ones still have to write, first to the log and then to the file.
constexpr std::uint64_t kMostKeptBack = 64 << 20;

std::int64_t stored(Time time) {
  return time.time_since_epoch().count();
}
Time time_of(std::int64_t stored) {
  return Time(Micros(stored));
}

void bind_time(Query& query, const std::optional<Time>& time) {
  if (time) {
    query.bind(stored(*time));
  } else {
    query.bind_null();
  }
}

void bind_key(Query& query, std::string_view key) {
  if (key.empty()) {
    query.bind_null();
  } else {
    query.bind(key);
  }
}

std::int64_t limit_of(std::size_t limit) {
  return static_cast<std::int64_t>(limit);
}

}  // namespace

Job SqliteRows::row(const Query& query) {
  Job job;
  int column = 0;
  const auto optional_time = [&](int at) {
    return query.is_null(at) ? std::nullopt : std::optional(time_of(query.integer(at)));
  };
  job.id = query.text(column++);
  job.kind = query.text(column++);
  job.queue = query.text(column++);
  // The schema allows no other spelling.
  job.state = jobs::parse_state(query.text(column++)).value_or(State::kDiscarded);
  job.priority = static_cast<int>(query.integer(column++));
  job.attempt = static_cast<int>(query.integer(column++));
  job.failures = static_cast<int>(query.integer(column++));
  job.interruptions = static_cast<int>(query.integer(column++));
  job.max_attempts = static_cast<int>(query.integer(column++));
  job.timeout = Micros(query.integer(column++));
  job.created_at = time_of(query.integer(column++));
  job.scheduled_at = time_of(query.integer(column++));
  job.place = time_of(query.integer(column++));
  job.waits_since = optional_time(column++);
  job.started_at = optional_time(column++);
  job.finished_at = optional_time(column++);
  job.progress.fraction = query.real(column++);
  job.progress.message = query.text(column++);
  job.suspect = query.integer(column++) != 0;
  job.cancel_requested = query.integer(column++) != 0;
  if (!query.is_null(column)) {
    // A program of schema version 1 writes no length; its leases last fifteen seconds.
    const Micros length =
        query.is_null(column + 2) ? Micros(15'000'000) : Micros(query.integer(column + 2));
    job.lease = jobs::Lease{query.text(column), time_of(query.integer(column + 1)), length};
  }
  column += 3;
  job.idempotency_key = query.text(column++);
  job.unique_key = query.text(column++);
  return job;
}

// Reads what rows of other tables add to a summary.
std::vector<Job> SqliteRows::rows(Query& query) {
  std::vector<Job> jobs;
  while (query.step()) jobs.push_back(row(query));
  for (Job& job : jobs) {
    if (job.attempt == 0) continue;  // no attempt, no errors
    Query errors = this->query(
        "SELECT attempt, at, text FROM job_errors"
        " WHERE seq = (SELECT seq FROM jobs WHERE id = ?) ORDER BY attempt");
    errors.bind(job.id);
    while (errors.step()) {
      job.errors.push_back(
          {static_cast<int>(errors.integer(0)), time_of(errors.integer(1)), errors.text(2)});
    }
  }
  return jobs;
}

void SqliteRows::load_data(Job& job) {
  Query data = query(
      "SELECT payload, result, checkpoint FROM job_data"
      " WHERE seq = (SELECT seq FROM jobs WHERE id = ?)");
  data.bind(job.id);
  if (!data.step()) return;
  job.payload = data.text(0);
  if (!data.is_null(1)) job.result = data.text(1);
  job.checkpoint = data.text(2);
}

std::optional<Job> SqliteRows::full(Query& query) {
  std::vector<Job> found = rows(query);
  if (found.empty()) return std::nullopt;
  load_data(found.front());
  return std::move(found.front());
}

std::optional<Job> SqliteRows::find(std::string_view id, Detail detail) {
  Query found = query(SAOLA_JOB_COLUMNS "WHERE id = ?");
  found.bind(id);
  if (detail == Detail::kFull) return full(found);
  std::vector<Job> jobs = rows(found);
  if (jobs.empty()) return std::nullopt;
  return std::move(jobs.front());
}

std::optional<Job> SqliteRows::find_idempotent(std::string_view kind, std::string_view key) {
  Query found = query(SAOLA_JOB_COLUMNS "WHERE kind = ? AND idempotency_key = ?");
  return full(found.bind(kind).bind(key));
}

std::optional<Job> SqliteRows::find_unique(std::string_view kind, std::string_view key) {
  Query found = query(SAOLA_JOB_COLUMNS
                      "WHERE kind = ? AND unique_key = ?"
                      " AND state IN ('scheduled', 'available', 'running', 'retryable')");
  return full(found.bind(kind).bind(key));
}

// The number that `query` answers.
std::size_t SqliteRows::count(Query& query) {
  return query.step() ? static_cast<std::size_t>(query.integer(0)) : 0;
}

std::size_t SqliteRows::count_waiting(std::string_view queue, std::size_t at_most) {
  Query waiting = query("SELECT waiting FROM queues WHERE name = ?");
  return std::min(at_most, count(waiting.bind(queue)));
}

void SqliteRows::insert(const Job& job) {
  {
    Query insert = query(
        "INSERT INTO jobs(id, kind, queue, state, priority, attempt, failures, max_attempts,"
        " timeout, created_at, scheduled_at, place, progress, message, cancel_requested,"
        " idempotency_key, unique_key) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    insert.bind(job.id).bind(job.kind).bind(job.queue).bind(to_string(job.state));
    insert.bind(std::int64_t{job.priority}).bind(std::int64_t{job.attempt});
    insert.bind(std::int64_t{job.failures}).bind(std::int64_t{job.max_attempts});
    insert.bind(job.timeout.count()).bind(stored(job.created_at)).bind(stored(job.scheduled_at));
    insert.bind(stored(job.place));
    insert.bind(job.progress.fraction).bind(job.progress.message);
    insert.bind(std::int64_t{job.cancel_requested});
    bind_key(insert, job.idempotency_key);
    bind_key(insert, job.unique_key);
    insert.run();
  }
  Query data = query("INSERT INTO job_data(seq, payload) VALUES (last_insert_rowid(), ?)");
  data.bind(job.payload).run();
}

void SqliteRows::update(const Job& job) {
  {
    Query update = query(
        "UPDATE jobs SET state = ?, attempt = ?, failures = ?, interruptions = ?, suspect = ?,"
        " scheduled_at = ?, place = ?, waits_since = ?, started_at = ?, finished_at = ?,"
        " progress = ?, message = ?, cancel_requested = ?, lease_owner = ?, lease_expires_at = ?,"
        " lease_length = ? WHERE id = ?");
    update.bind(to_string(job.state));
    update.bind(std::int64_t{job.attempt}).bind(std::int64_t{job.failures});
    update.bind(std::int64_t{job.interruptions}).bind(std::int64_t{job.suspect});
    update.bind(stored(job.scheduled_at)).bind(stored(job.place));
    bind_time(update, job.waits_since);
    bind_time(update, job.started_at);
    bind_time(update, job.finished_at);
    update.bind(job.progress.fraction).bind(job.progress.message);
    update.bind(std::int64_t{job.cancel_requested});
    if (job.lease) {
      update.bind(job.lease->owner).bind(stored(job.lease->expires_at));
      update.bind(job.lease->length.count());
    } else {
      update.bind_null().bind_null().bind_null();
    }
    update.bind(job.id).run();
  }
  if (job.errors.empty() || job.errors.back().attempt != job.attempt) return;
  {
    const jobs::AttemptError& last = job.errors.back();
    Query insert = query(
        "INSERT OR IGNORE INTO job_errors VALUES ((SELECT seq FROM jobs WHERE id = ?), ?, ?, ?)");
    insert.bind(job.id).bind(std::int64_t{last.attempt}).bind(stored(last.at)).bind(last.text);
    insert.run();
  }
  if (job.errors.size() < jobs::kMaxErrors) return;
  Query trim = query(
      "DELETE FROM job_errors WHERE seq = (SELECT seq FROM jobs WHERE id = ?) AND attempt < ?");
  trim.bind(job.id).bind(std::int64_t{job.errors.front().attempt}).run();
}

void SqliteRows::update_result(const Job& job) {
  Query update =
      query("UPDATE job_data SET result = ? WHERE seq = (SELECT seq FROM jobs WHERE id = ?)");
  if (job.result) {
    update.bind(*job.result);
  } else {
    update.bind_null();
  }
  update.bind(job.id).run();
}

void SqliteRows::update_checkpoint(const Job& job) {
  Query update =
      query("UPDATE job_data SET checkpoint = ? WHERE seq = (SELECT seq FROM jobs WHERE id = ?)");
  if (job.checkpoint.empty()) {
    update.bind_null();
  } else {
    update.bind_blob(job.checkpoint);
  }
  update.bind(job.id).run();
}

void SqliteRows::erase(std::string_view id) {
  // job_data and job_errors follow by their foreign keys.
  Query erase = query("DELETE FROM jobs WHERE id = ?");
  erase.bind(id).run();
}

std::vector<Job> SqliteRows::available(std::string_view queue, std::string_view kind,
                                       std::size_t limit) {
  Query found = query(SAOLA_JOB_COLUMNS
                      "WHERE state = 'available' AND queue = ? AND kind = ?"
                      " ORDER BY priority DESC, place, id LIMIT ?");
  return rows(found.bind(queue).bind(kind).bind(limit_of(limit)));
}

std::vector<Job> SqliteRows::owned(std::string_view owner, std::size_t limit) {
  Query found =
      query(SAOLA_JOB_COLUMNS "WHERE state = 'running' AND lease_owner = ? ORDER BY id LIMIT ?");
  return rows(found.bind(owner).bind(limit_of(limit)));
}

std::vector<Job> SqliteRows::running(std::size_t limit) {
  Query found = query(SAOLA_JOB_COLUMNS "WHERE state = 'running' ORDER BY id LIMIT ?");
  return rows(found.bind(limit_of(limit)));
}

std::vector<Job> SqliteRows::due(Time now, std::size_t limit) {
  Query found = query(SAOLA_JOB_COLUMNS
                      "WHERE state IN ('scheduled', 'retryable') AND scheduled_at <= ?"
                      " ORDER BY scheduled_at, id LIMIT ?");
  return rows(found.bind(stored(now)).bind(limit_of(limit)));
}

std::vector<Job> SqliteRows::set_back(Time now, std::size_t limit) {
  Query found = query(SAOLA_JOB_COLUMNS
                      "WHERE state IN ('scheduled', 'retryable') AND waits_since > ?"
                      " ORDER BY waits_since, id LIMIT ?");
  return rows(found.bind(stored(now)).bind(limit_of(limit)));
}

std::vector<Job> SqliteRows::ahead_of_time(Time now, std::size_t limit) {
  // By itself SQLite would read all available jobs, of which there may be very many.
  Query found = query(SAOLA_JOB_COLUMNS
                      "INDEXED BY jobs_ahead WHERE state IN ('available', 'running') AND place > ?"
                      " ORDER BY place, id LIMIT ?");
  return rows(found.bind(stored(now)).bind(limit_of(limit)));
}

#define SAOLA_FINISHED                                     \
  SAOLA_JOB_COLUMNS                                        \
  "WHERE state IN ('completed', 'cancelled', 'discarded')" \
  " AND state = ? AND "

std::vector<Job> SqliteRows::finished_before(State state, const jobs::EndOfJob& after, Time time,
                                             std::size_t limit) {
  Query found = query(SAOLA_FINISHED
                      "(finished_at, id) > (?, ?) AND finished_at < ?"
                      " ORDER BY finished_at, id LIMIT ?");
  found.bind(to_string(state)).bind(stored(after.at)).bind(after.id);
  return rows(found.bind(stored(time)).bind(limit_of(limit)));
}

std::vector<Job> SqliteRows::finished_after(State state, Time time, std::size_t limit) {
  Query found = query(SAOLA_FINISHED "finished_at > ? ORDER BY finished_at, id LIMIT ?");
  return rows(found.bind(to_string(state)).bind(stored(time)).bind(limit_of(limit)));
}

#undef SAOLA_FINISHED

// The newest jobs of one state, or of all.
std::vector<Job> SqliteRows::list(const jobs::ListRequest& request, std::optional<State> state) {
  std::string sql = SAOLA_JOB_COLUMNS "WHERE id < ?";
  if (state) sql += " AND state = ?";
  if (!request.kind.empty()) sql += " AND kind = ?";
  if (!request.queue.empty()) sql += " AND queue = ?";
  sql += " ORDER BY id DESC LIMIT ?";
  Query found = query(sql);
  // Every id is below "~".
  found.bind(request.cursor.empty() ? std::string_view("~") : std::string_view(request.cursor));
  if (state) found.bind(to_string(*state));
  if (!request.kind.empty()) found.bind(request.kind);
  if (!request.queue.empty()) found.bind(request.queue);
  return rows(found.bind(limit_of(request.limit)));
}

std::vector<Job> SqliteRows::list(const jobs::ListRequest& request) {
  if (request.states.empty()) return list(request, std::nullopt);
  // Each state is a walk along an index; a condition on several would sort all their jobs.
  const std::set<State> states(request.states.begin(), request.states.end());
  std::vector<Job> found;
  for (const State state : states) {
    std::ranges::move(list(request, state), std::back_inserter(found));
  }
  std::ranges::sort(found, std::ranges::greater(), &Job::id);
  if (found.size() > request.limit) found.resize(request.limit);
  return found;
}

std::map<State, std::size_t> SqliteRows::counts() {
  std::map<State, std::size_t> counts;
  Query found = query("SELECT state, count(*) FROM jobs GROUP BY state");
  while (found.step()) {
    if (const auto state = jobs::parse_state(found.text(0))) {
      counts[*state] = static_cast<std::size_t>(found.integer(1));
    }
  }
  return counts;
}

jobs::QueueStatus SqliteRows::queue_status(std::string_view queue) {
  jobs::QueueStatus status;
  status.waiting = count_waiting(queue, SIZE_MAX);
  {
    Query available = query("SELECT count(*) FROM jobs WHERE state = 'available' AND queue = ?");
    status.available = count(available.bind(queue));
  }
  {
    Query running = query("SELECT count(*) FROM jobs WHERE state = 'running' AND queue = ?");
    status.running = count(running.bind(queue));
  }
  Query mean = query(
      // The clock may have been set back meanwhile.
      "SELECT sum(max(finished_at - started_at, 0)) / count(*) FROM"
      " (SELECT finished_at, started_at FROM jobs WHERE state = 'completed' AND queue = ?"
      "  ORDER BY finished_at DESC, id DESC LIMIT 20)");
  mean.bind(queue);
  if (mean.step() && !mean.is_null(0)) status.mean_run = Micros(mean.integer(0));
  return status;
}

std::size_t SqliteRows::ahead_of(const Job& job) {
  Query ahead = query(
      "SELECT count(*) FROM jobs WHERE state = 'available' AND queue = ?1 AND (priority > ?2"
      " OR (priority = ?2 AND (place, id) < (?3, ?4)))");
  ahead.bind(job.queue).bind(std::int64_t{job.priority}).bind(stored(job.place));
  return count(ahead.bind(job.id));
}

void SqliteRows::touch(Time now) {
  Query touch = query("UPDATE probe SET at = ?");
  touch.bind(stored(now)).run();
}

std::uint64_t SqliteRows::pragma(const char* name) {
  Query number = query(fmt::format("PRAGMA {}", name));
  return count(number);
}

std::uint64_t SqliteRows::bytes() {
  return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size");
}

bool SqliteRows::has_room() {
  struct statvfs disk{};
  // What cannot be asked shows in the write.
  if (::statvfs(db_.path(), &disk) != 0) return true;
  const std::uint64_t kept_back = std::min(kMostKeptBack, disk.f_blocks * disk.f_frsize / 5);
  const std::uint64_t free = disk.f_bavail * disk.f_frsize;
  if (free >= kept_back) return true;
  // The file never shrinks: what was deleted makes room inside it.
  return free + pragma("freelist_count") * pragma("page_size") >= kept_back;
}

std::optional<Time> SqliteRows::oldest_available() {
  Query oldest = query("SELECT min(scheduled_at) FROM jobs WHERE state = 'available'");
  if (!oldest.step() || oldest.is_null(0)) return std::nullopt;
  return time_of(oldest.integer(0));
}

}  // namespace saola::jobs_sqlite
