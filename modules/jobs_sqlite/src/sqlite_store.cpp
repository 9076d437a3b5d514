#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include <saola/jobs/row_store.hpp>
#include <saola/jobs_sqlite/sqlite_store.hpp>

#include "checkpointer.hpp"
#include "connection.hpp"
#include "database.hpp"
#include "file_identity.hpp"
#include "group_writer.hpp"
#include "sqlite_rows.hpp"

namespace saola::jobs_sqlite {
namespace {

// How late another process's change may wake a waiter.
constexpr std::chrono::milliseconds kPoll(10);
constexpr std::chrono::seconds kOpenPatience(10);

// Connections for reading, made as needed, so that readers wait neither for each other nor for the
// writer.
class Readers {
 public:
  explicit Readers(std::string path) : path_(std::move(path)) {}

  Result<std::unique_ptr<Connection>> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto reader = std::move(idle_.back());
        idle_.pop_back();
        return reader;
      }
    }
    return open_reader(path_);
  }

  void give_back(std::unique_ptr<Connection> reader) {
    constexpr std::size_t kKeep = 8;
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kKeep) idle_.push_back(std::move(reader));
  }

 private:
  const std::string path_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<std::unique_ptr<Connection>> idle_;
};

class SqliteStore final : public jobs::RowStore {
 public:
  SqliteStore(SqliteOptions options, std::unique_ptr<Connection> writer,
              std::unique_ptr<Connection> watcher, std::int64_t version,
              std::unique_ptr<Connection> checkpointer)
      : RowStore(std::move(options.store)),
        identity_(options.path),
        readers_(std::move(options.path)),
        watcher_(std::move(watcher)),
        seen_version_(version),
        checkpointer_(std::move(checkpointer)),
        writer_(watched(std::move(writer)), identity_) {}

  std::uint64_t work_mark() override {
    const std::lock_guard lock(mutex_);
    return arrivals_;
  }

  bool wait_for_work(std::uint64_t mark, Deadline deadline, std::stop_token stop) override {
    const auto arrived = [&] { return arrivals_ != mark; };
    for (;;) {
      look_for_others();
      std::unique_lock lock(mutex_);
      const Deadline until = min(deadline, Deadline::after(kPoll));
      if (arrived_.wait_until(lock, stop, until.time(), arrived)) return true;
      if (deadline.passed() || stop.stop_requested()) return false;
    }
  }

 protected:
  Result<void> write(Deadline deadline, const Body& body) override {
    return writer_.write(deadline, body);
  }

  Result<void> read(Deadline deadline, const Body& body) override {
    if (deadline.passed()) {
      return saola::fail(ErrorCode::kTimedOut, "the job store was not reached in time");
    }
    if (auto same = identity_.check(); !same) return same;
    auto reader = readers_.take();
    if (!reader) return saola::fail(reader);
    (*reader)->set_busy_deadline(deadline);
    if (auto begun = (*reader)->execute("BEGIN"); !begun) return begun;
    SqliteRows rows(**reader);
    Result<void> done = body(rows);
    auto ended = (*reader)->execute("COMMIT");
    if (rows.failure()) return saola::fail(*std::move(rows.failure()));
    if (!ended) return ended;
    readers_.give_back(*std::move(reader));
    return done;
  }

  void work_arrived() override {
    {
      const std::lock_guard lock(mutex_);
      ++arrivals_;
    }
    arrived_.notify_all();
  }

 private:
  std::unique_ptr<Connection> watched(std::unique_ptr<Connection> writer) {
    checkpointer_.watch(*writer);
    return writer;
  }

  // Compares SQLite's counter of other connections' commits with the one last seen.
  void look_for_others() {
    const std::unique_lock lock(watcher_mutex_, std::try_to_lock);
    if (!lock) return;  // another waiter looks just now, and wakes all
    watcher_->set_busy_deadline(Deadline::after(kPoll));
    const auto version = watcher_->integer("PRAGMA data_version");
    // A failure shows in the claim that follows the wait.
    if (!version || std::exchange(seen_version_, *version) == *version) return;
    work_arrived();
  }

  const FileIdentity identity_;
  Readers readers_;

  std::mutex watcher_mutex_;
  // Guarded by watcher_mutex_.
  const std::unique_ptr<Connection> watcher_;
  std::int64_t seen_version_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::uint64_t arrivals_ = 0;
  std::condition_variable_any arrived_;

  Checkpointer checkpointer_;
  // Ends before the checkpointer, which it tells of its commits.
  GroupWriter writer_;
};

}  // namespace

Result<std::unique_ptr<jobs::Store>> open_sqlite_store(SqliteOptions options) {
  auto writer = open_database(options.path, Deadline::after(kOpenPatience));
  if (!writer) return fail(writer);
  auto watcher = open_reader(options.path);
  if (!watcher) return fail(watcher);
  const auto version = (*watcher)->integer("PRAGMA data_version");
  if (!version) return fail(version);
  // Not a reader: it writes the database file.
  auto checkpointer = Connection::open(options.path, Access::kReadWrite);
  if (!checkpointer) return fail(checkpointer);
  // The database file must be on disk before the log begins anew.
  if (auto ok = (*checkpointer)->execute("PRAGMA synchronous = FULL"); !ok) {
    return fail(ok);
  }
  return std::make_unique<SqliteStore>(std::move(options), *std::move(writer), *std::move(watcher),
                                       *version, *std::move(checkpointer));
}

}  // namespace saola::jobs_sqlite
