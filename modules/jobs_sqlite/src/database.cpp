#include "database.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <system_error>

#include <saola/base/unique_fd.hpp>

namespace saola::jobs_sqlite {
namespace {

constexpr std::int64_t kApplicationId = 0x53414f4c;  // "SAOL"

// Step i brings schema version i to i + 1. Never changed once released: add a step.
constexpr const char* kMigrations[] = {
    R"sql(
CREATE TABLE jobs(
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  queue TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('scheduled', 'available', 'running', 'retryable',
                                       'completed', 'cancelled', 'discarded')),
  priority INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  timeout INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  scheduled_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  progress REAL NOT NULL,
  message TEXT NOT NULL,
  cancel_requested INTEGER NOT NULL,
  lease_owner TEXT,
  lease_expires_at INTEGER,
  idempotency_key TEXT,
  unique_key TEXT,
  CHECK ((state = 'running') = (lease_owner IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX jobs_idempotent ON jobs(kind, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX jobs_unique ON jobs(kind, unique_key)
  WHERE unique_key IS NOT NULL AND state IN ('scheduled', 'available', 'running', 'retryable');
CREATE INDEX jobs_claim ON jobs(queue, kind, priority DESC, scheduled_at, id)
  WHERE state = 'available';
CREATE INDEX jobs_due ON jobs(scheduled_at, id) WHERE state IN ('scheduled', 'retryable');
CREATE INDEX jobs_running ON jobs(queue, lease_expires_at) WHERE state = 'running';
CREATE INDEX jobs_completed ON jobs(queue, finished_at, id) WHERE state = 'completed';
CREATE INDEX jobs_finished ON jobs(state, finished_at, id)
  WHERE state IN ('completed', 'cancelled', 'discarded');
CREATE INDEX jobs_by_state ON jobs(state, id);
CREATE INDEX jobs_by_kind ON jobs(kind, id);

CREATE TABLE job_data(
  seq INTEGER PRIMARY KEY REFERENCES jobs(seq) ON DELETE CASCADE,
  payload TEXT NOT NULL,
  result TEXT,
  checkpoint BLOB
) STRICT;

CREATE TABLE job_errors(
  seq INTEGER NOT NULL REFERENCES jobs(seq) ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (seq, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE queues(name TEXT PRIMARY KEY, waiting INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TRIGGER jobs_waits AFTER INSERT ON jobs
  WHEN new.state IN ('scheduled', 'available', 'retryable')
  BEGIN
    INSERT INTO queues VALUES (new.queue, 1)
      ON CONFLICT (name) DO UPDATE SET waiting = waiting + 1;
  END;
CREATE TRIGGER jobs_waits_again AFTER UPDATE OF state ON jobs
  WHEN new.state IN ('scheduled', 'available', 'retryable')
   AND old.state NOT IN ('scheduled', 'available', 'retryable')
  BEGIN UPDATE queues SET waiting = waiting + 1 WHERE name = new.queue; END;
CREATE TRIGGER jobs_waits_no_more AFTER UPDATE OF state ON jobs
  WHEN old.state IN ('scheduled', 'available', 'retryable')
   AND new.state NOT IN ('scheduled', 'available', 'retryable')
  BEGIN UPDATE queues SET waiting = waiting - 1 WHERE name = new.queue; END;
)sql",
    // A place for life; waits that survive a clock set back; leases watched by their length;
    // interruptions apart from failures; suspects; a row for writes that prove the store works.
    R"sql(
ALTER TABLE jobs ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN waits_since INTEGER;
ALTER TABLE jobs ADD COLUMN lease_length INTEGER;
ALTER TABLE jobs ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN suspect INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET place = scheduled_at;
UPDATE jobs SET lease_length = 15000000 WHERE state = 'running';
DROP INDEX jobs_claim;
CREATE INDEX jobs_claim ON jobs(queue, kind, priority DESC, place, id) WHERE state = 'available';
CREATE INDEX jobs_waits ON jobs(waits_since, id)
  WHERE state IN ('scheduled', 'retryable') AND waits_since IS NOT NULL;
CREATE TABLE probe(at INTEGER NOT NULL) STRICT;
INSERT INTO probe VALUES (0);
)sql",
    // Places that lie in the future, as the clock was set back, are found at every look.
    R"sql(
CREATE INDEX jobs_ahead ON jobs(place, id) WHERE state IN ('available', 'running');
)sql"};
constexpr std::int64_t kSchemaVersion = std::size(kMigrations);

// The folder must be ours to write and not everybody's to rename in; WAL needs shared memory, which
// network file systems do not give.
Result<void> check_folder(const std::filesystem::path& folder) {
  struct stat info{};
  if (::stat(folder.c_str(), &info) != 0) {
    return fail(
        errno_error(errno, fmt::format("looking at the job store's folder '{}'", folder.native())));
  }
  if (!S_ISDIR(info.st_mode)) {
    return fail(ErrorCode::kInvalidArgument, "job store: '{}' is not a folder", folder.native());
  }
  if ((info.st_mode & S_IWOTH) != 0 && (info.st_mode & S_ISVTX) == 0) {
    return fail(ErrorCode::kPermissionDenied,
                "job store: everybody may write in the folder '{}' and could exchange the file; "
                "take that right away (chmod o-w) or use another folder",
                folder.native());
  }
  struct statfs fs{};
  if (::statfs(folder.c_str(), &fs) == 0) {
    constexpr unsigned long kNetworked[] = {0x6969 /* NFS */, 0xff534d42 /* CIFS */,
                                            0xfe534d42 /* SMB2 */, 0x01021997 /* 9P */};
    for (const unsigned long type : kNetworked) {
      if (static_cast<unsigned long>(fs.f_type) == type) {
        return fail(ErrorCode::kUnsupported,
                    "job store: the folder '{}' is on a network file system, where SQLite cannot "
                    "share a database between processes; use a local disk",
                    folder.native());
      }
    }
  }
  return {};
}

Result<void> check_version(const std::string& path, std::int64_t version) {
  if (version <= kSchemaVersion) return {};
  return fail(ErrorCode::kUnsupported,
              "job store '{}' has schema version {}, this program knows {} and would damage it; "
              "run the newer program that wrote it",
              path, version, kSchemaVersion);
}

// Looks for damage, for at most a fifth of a second.
Result<void> check_sound(Connection& db, const std::string& path) {
  const Deadline enough = Deadline::after(std::chrono::milliseconds(200));
  sqlite3_progress_handler(
      db.handle(), 10'000,
      [](void* until) { return static_cast<const Deadline*>(until)->passed() ? 1 : 0; },
      const_cast<Deadline*>(&enough));
  std::optional<Error> failure;
  std::string verdict;
  bool interrupted = false;
  {
    Query query(db, failure, "PRAGMA quick_check(1)");
    if (query.step()) verdict = query.text(0);
    interrupted = sqlite3_errcode(db.handle()) == SQLITE_INTERRUPT;
  }
  sqlite3_progress_handler(db.handle(), 0, nullptr, nullptr);
  if (interrupted || verdict == "ok") return {};
  if (failure) return fail(*std::move(failure));
  return fail(ErrorCode::kDataCorrupt,
              "job store '{}' is damaged ({}); restore it from a backup or move it away", path,
              verdict);
}

// Brings the schema up to date in one transaction. Another process may do the same at the same
// time.
Result<void> migrate(Connection& db, const std::string& path) {
  const auto found = db.integer("PRAGMA user_version");
  if (!found) return fail(found);
  if (*found == kSchemaVersion) return {};
  if (auto ok = db.execute("BEGIN IMMEDIATE"); !ok) return ok;
  const auto done = [&]() -> Result<void> {
    const auto version = db.integer("PRAGMA user_version");
    if (!version) return fail(version);
    if (auto ok = check_version(path, *version); !ok) return ok;
    for (auto v = *version; v < kSchemaVersion; ++v) {
      if (auto ok = db.execute(kMigrations[v]); !ok) return ok;
    }
    if (*version == kSchemaVersion) return {};
    const std::string stamp = fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                          kApplicationId, kSchemaVersion);
    return db.execute(stamp.c_str());
  }();
  if (!done) {
    if (db.in_transaction()) (void)db.execute("ROLLBACK");
    return done;
  }
  return db.execute("COMMIT");
}

// The folder of `path`; made, for this user alone, when it is missing.
Result<std::filesystem::path> make_folder(const std::filesystem::path& path) {
  std::filesystem::path folder =
      path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::error_code made;
  if (!std::filesystem::exists(folder, made)) {
    const mode_t before = ::umask(077);
    std::filesystem::create_directories(folder, made);
    ::umask(before);
    if (made) {
      return fail(errno_error(made.value(),
                              fmt::format("making the job store's folder '{}'", folder.native())));
    }
  }
  if (auto ok = check_folder(folder); !ok) return fail(ok);
  return folder;
}

// Whether there is a file at `path`; an error when it can be no store, or is what is left of one.
Result<bool> is_there(const std::string& path) {
  struct stat log{};
  const bool log_left = ::stat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0;
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return fail(errno_error(errno, fmt::format("looking at '{}'", path)));
    if (!log_left) return false;
    return fail(ErrorCode::kDataCorrupt,
                "job store '{}' is gone but its write-ahead log '{}-wal', with jobs in it, is not; "
                "restore the store from a backup, or move the log away to begin anew",
                path, path);
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kInvalidArgument, "job store '{}' is not a regular file", path);
  }
  if ((info.st_mode & S_IWOTH) != 0) {
    return fail(ErrorCode::kPermissionDenied,
                "job store '{}' may be written by everybody; take that right away (chmod o-w)",
                path);
  }
  if (info.st_size > 0) return true;
  // A store is made whole beside its place and moved there, so this is no half-made one.
  return fail(ErrorCode::kDataCorrupt,
              "job store '{}' is an empty file, so what was in it is lost; restore it from a "
              "backup, or remove it to begin anew",
              path);
}

// Makes the database beside its place and moves it there whole, so that no death of this process
// leaves half of one. Processes that come together take turns; the others find it made.
Result<void> make_database(const std::string& path, const std::filesystem::path& folder,
                           Deadline deadline) {
  const std::string fresh = path + "-new";
  const auto failed = [&](std::string_view what) {
    return fail(errno_error(errno, fmt::format("{} '{}'", what, fresh)));
  };
  const unique_fd fd(::open(fresh.c_str(), O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return failed("making the job store");
  if (::flock(fd.get(), LOCK_EX) != 0) return failed("locking");
  const auto made = is_there(path);
  if (!made) return fail(made);
  if (*made) {
    ::unlink(fresh.c_str());
    return {};
  }
  // What an interrupted making left.
  if (::ftruncate(fd.get(), 0) != 0) return failed("emptying");
  for (const char* side : {"-journal", "-wal", "-shm"}) ::unlink((fresh + side).c_str());
  {
    auto db = Connection::open(fresh, Access::kReadWrite);
    if (!db) return fail(db);
    (*db)->set_busy_deadline(deadline);
    if (auto ok = migrate(**db, fresh); !ok) return ok;
    const auto mode = (*db)->text("PRAGMA journal_mode = WAL");
    if (!mode) return fail(mode);
    if (*mode != "wal") {
      return fail(ErrorCode::kUnsupported,
                  "job store '{}': its file system does not support write-ahead logging; use a "
                  "local disk",
                  path);
    }
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("moving into place");
  // The file's name must outlive a power cut as surely as what is written to it.
  const unique_fd dir(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir || ::fsync(dir.get()) != 0) return failed("syncing the folder of");
  return {};
}

}  // namespace

Result<void> check_store(const std::string& path, Deadline deadline) {
  auto reader = Connection::open(path, Access::kReadOnly);
  if (!reader) return fail(reader);
  (*reader)->set_busy_deadline(deadline);
  const auto application = (*reader)->integer("PRAGMA application_id");
  if (!application) return fail(application);
  if (*application != kApplicationId) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' is a database of another application, not a job store; name another file",
                path);
  }
  const auto version = (*reader)->integer("PRAGMA user_version");
  if (!version) return fail(version);
  return check_version(path, *version);
}

Result<std::unique_ptr<Connection>> open_database(const std::string& path, Deadline deadline) {
  const auto folder = make_folder(path);
  if (!folder) return fail(folder);
  // Closing any descriptor of a file drops all locks this process has on it (POSIX), also those of
  // another store of the same file. So nobody may open one here while make_database() has its own.
  static std::mutex opening;
  const std::lock_guard lock(opening);
  const auto there = is_there(path);
  if (!there) return fail(there);
  if (!*there) {
    if (auto ok = make_database(path, *folder, deadline); !ok) {
      return fail(ok);
    }
  }
  if (auto ok = check_store(path, deadline); !ok) return fail(ok);
  auto db = Connection::open(path, Access::kReadWrite);
  if (!db) return db;
  (*db)->set_busy_deadline(deadline);
  if (auto ok = check_sound(**db, path); !ok) return fail(ok);
  if (auto ok = migrate(**db, path); !ok) return fail(ok);
  // A backup that somebody put here by hand has another mode.
  if (auto mode = (*db)->text("PRAGMA journal_mode = WAL"); !mode) {
    return fail(mode);
  }
  // The log file shrinks back to 64 MiB after a large burst.
  if (auto ok = (*db)->execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                               "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384");
      !ok) {
    return fail(ok);
  }
  return db;
}

Result<std::unique_ptr<Connection>> open_reader(const std::string& path) {
  auto db = Connection::open(path, Access::kReadWrite);
  if (!db) return db;
  if (auto ok = (*db)->execute("PRAGMA query_only = ON"); !ok) {
    return fail(ok);
  }
  return db;
}

}  // namespace saola::jobs_sqlite
