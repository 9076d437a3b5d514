// Which files are opened, and the errors about the others.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include <saola/jobs_sqlite/sqlite_store.hpp>
#include <saola/testing/temp_folder.hpp>

namespace saola::jobs_sqlite {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class DatabaseTest : public testing::Test {
 protected:
  Result<std::unique_ptr<jobs::Store>> open() { return open_sqlite_store({.path = path}); }

  void expect_refused(ErrorCode code, const std::string& text) {
    const auto store = open();
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code(), code) << store.error().message();
    EXPECT_THAT(store.error().message(), HasSubstr(text));
  }

  void write_file(const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
  std::string read_file() {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return bytes.str();
  }

  void sql(const char* statements) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, statements, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  mode_t mode(const std::string& of) {
    struct stat info{};
    EXPECT_EQ(::stat(of.c_str(), &info), 0) << of;
    return info.st_mode & 07777;
  }

  TempFolder folder;
  std::string path = folder.path() + "/jobs.db";
  const Deadline soon = Deadline::after(10s);
};

TEST_F(DatabaseTest, MakesPrivateFilesAndFolders) {
  path = folder.path() + "/var/lib/jobs.db";
  const auto store = open();
  ASSERT_TRUE(store) << store.error().message();
  ASSERT_TRUE((*store)->enqueue({.kind = "a"}, soon));
  EXPECT_EQ(mode(folder.path() + "/var"), 0700u);
  EXPECT_EQ(mode(folder.path() + "/var/lib"), 0700u);
  EXPECT_EQ(mode(path), 0600u);
  EXPECT_EQ(mode(path + "-wal"), 0600u);
  EXPECT_EQ(mode(path + "-shm"), 0600u);
}

TEST_F(DatabaseTest, JobsOutliveTheStore) {
  const std::string id = (*open())->enqueue({.kind = "a", .payload = "[1]"}, soon)->job.id;
  const auto again = open();
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ((*again)->get(id, soon)->payload, "[1]");
}

TEST_F(DatabaseTest, AnEmptyFileIsWhatIsLeftOfAStore) {
  write_file("");
  expect_refused(ErrorCode::kDataCorrupt, "empty file");
  EXPECT_EQ(read_file(), "");
}

TEST_F(DatabaseTest, ALogWithoutItsDatabaseIsRefusedAndLeftUntouched) {
  std::ofstream(path + "-wal") << "commits";
  expect_refused(ErrorCode::kDataCorrupt, "write-ahead log");
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(std::filesystem::file_size(path + "-wal"), 7u);
}

// Whatever becomes of the files of an open store, nothing is acknowledged that is not in them.
TEST_F(DatabaseTest, AStoreThatVanishesIsReplacedOrEmptiedTakesNothingMore) {
  const auto damage = [&](const std::string& how) {
    if (how == "removed") std::filesystem::remove(path);
    if (how == "replaced") {
      std::filesystem::copy_file(path, path + "-copy");
      std::filesystem::rename(path + "-copy", path);
    }
    if (how == "emptied") std::filesystem::resize_file(path, 0);
    if (how == "write-ahead log") std::filesystem::remove(path + "-wal");
  };
  for (const std::string how : {"removed", "replaced", "emptied", "write-ahead log"}) {
    path = folder.path() + "/" + how.substr(0, 5) + ".db";
    const auto store = open();
    ASSERT_TRUE(store) << store.error().message();
    const auto job = (*store)->enqueue({.kind = "a"}, soon);
    ASSERT_TRUE(job);
    damage(how);
    const auto refused = (*store)->enqueue({.kind = "a"}, soon);
    ASSERT_FALSE(refused) << how;
    EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
    EXPECT_THAT(refused.error().message(), HasSubstr(how));
    EXPECT_EQ((*store)->get(job->job.id, soon).error().code(), ErrorCode::kUnavailable) << how;
    EXPECT_EQ((*store)->probe(soon).error().code(), ErrorCode::kUnavailable) << how;
  }
}

TEST_F(DatabaseTest, AStoreThatIsPutBackGoesOn) {
  const auto store = open();
  const auto job = (*store)->enqueue({.kind = "a"}, soon);
  std::filesystem::rename(path, path + "-away");
  EXPECT_FALSE((*store)->enqueue({.kind = "a"}, soon));
  std::filesystem::rename(path + "-away", path);
  EXPECT_TRUE((*store)->enqueue({.kind = "a"}, soon));
  EXPECT_TRUE((*store)->get(job->job.id, soon));
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsLeftUntouched) {
  const std::string bytes = "name,region\nOhio,Midwest\n" + std::string(8192, 'x');
  write_file(bytes);
  expect_refused(ErrorCode::kDataCorrupt, "no SQLite database");
  EXPECT_EQ(read_file(), bytes);
}

TEST_F(DatabaseTest, ADatabaseOfAnotherApplicationIsLeftUntouched) {
  sql("CREATE TABLE jobs(id); INSERT INTO jobs VALUES (1)");
  const std::string bytes = read_file();
  expect_refused(ErrorCode::kInvalidArgument, "another application");
  EXPECT_EQ(read_file(), bytes);
}

TEST_F(DatabaseTest, ANewerSchemaIsRefusedAndLeftUntouched) {
  ASSERT_TRUE(open());
  sql("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)");
  const std::string bytes = read_file();
  expect_refused(ErrorCode::kUnsupported, "schema version 99");
  EXPECT_EQ(read_file(), bytes);
}

// A store of schema version 1 as its program left it: a job that waits, one that runs, one done.
constexpr const char* kVersionOne = R"sql(
CREATE TABLE jobs(
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, queue TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('scheduled', 'available', 'running', 'retryable',
                                       'completed', 'cancelled', 'discarded')),
  priority INTEGER NOT NULL, attempt INTEGER NOT NULL, failures INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL, timeout INTEGER NOT NULL, created_at INTEGER NOT NULL,
  scheduled_at INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER, progress REAL NOT NULL,
  message TEXT NOT NULL, cancel_requested INTEGER NOT NULL, lease_owner TEXT,
  lease_expires_at INTEGER, idempotency_key TEXT, unique_key TEXT,
  CHECK ((state = 'running') = (lease_owner IS NOT NULL))) STRICT;
CREATE INDEX jobs_claim ON jobs(queue, kind, priority DESC, scheduled_at, id)
  WHERE state = 'available';
CREATE TABLE job_data(seq INTEGER PRIMARY KEY REFERENCES jobs(seq) ON DELETE CASCADE,
  payload TEXT NOT NULL, result TEXT, checkpoint BLOB) STRICT;
CREATE TABLE job_errors(seq INTEGER NOT NULL REFERENCES jobs(seq) ON DELETE CASCADE,
  attempt INTEGER NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY (seq, attempt)) STRICT, WITHOUT ROWID;
CREATE TABLE queues(name TEXT PRIMARY KEY, waiting INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO jobs VALUES
  (1, '019e7044-887b-7000-8000-000000000001', 'a', 'default', 'available', 0, 0, 0, 5, 0,
   1780000000000000, 1780000000000007, NULL, NULL, 0, '', 0, NULL, NULL, NULL, NULL),
  (2, '019e7044-887b-7000-8000-000000000002', 'a', 'default', 'running', 0, 7, 2, 5, 0,
   1780000000000000, 1780000000000008, 1780000000000009, NULL, 0, '', 0, 'w1', 1780000015000000,
   NULL, NULL),
  (3, '019e7044-887b-7000-8000-000000000003', 'a', 'default', 'completed', 0, 1, 0, 5, 0,
   1780000000000000, 1780000000000006, 1780000000000009, 1780000001000000, 1, '', 0, NULL, NULL,
   'key', NULL);
INSERT INTO job_data VALUES (1, '[1]', NULL, NULL), (2, '[2]', NULL, x'6869'),
                            (3, '[3]', '"three"', NULL);
INSERT INTO queues VALUES ('default', 1);
PRAGMA application_id = 0x53414f4c;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
)sql";

TEST_F(DatabaseTest, AStoreOfSchemaVersionOneIsBroughtUpToDate) {
  sql(kVersionOne);
  const auto store = open();
  ASSERT_TRUE(store) << store.error().message();
  const auto job = [&](int n) {
    return *(*store)->get(fmt::format("019e7044-887b-7000-8000-00000000000{}", n), soon);
  };
  EXPECT_EQ(job(1).payload, "[1]");
  EXPECT_EQ(job(1).place, job(1).scheduled_at);
  EXPECT_EQ(job(2).lease->length, 15s);
  EXPECT_EQ(job(2).checkpoint, "hi");
  EXPECT_EQ(job(2).failures, 2);
  EXPECT_EQ(job(2).interruptions, 0);
  EXPECT_EQ(job(3).result, "\"three\"");
  // And it works on.
  ASSERT_TRUE((*store)->probe(soon));
  const auto claimed = (*store)->claim({.owner = "w2", .kinds = {"a"}}, soon);
  ASSERT_EQ(claimed->size(), 1u);
  EXPECT_EQ(claimed->front().id, job(1).id);
  EXPECT_EQ((*store)->release_owner("w1", soon), 1u);
  ASSERT_TRUE((*store)->enqueue({.kind = "a"}, soon));
}

TEST_F(DatabaseTest, ADamagedHeaderIsToldAndLeftUntouched) {
  ASSERT_TRUE(open());
  std::string bytes = read_file();
  bytes.replace(0, 16, "not a database!!");
  write_file(bytes);
  expect_refused(ErrorCode::kDataCorrupt, "damaged");
  EXPECT_EQ(read_file(), bytes);
}

TEST_F(DatabaseTest, DamagedPagesAreToldAndLeftUntouched) {
  {
    const auto store = open();
    for (int i = 0; i < 50; ++i) ASSERT_TRUE((*store)->enqueue({.kind = "a"}, soon));
  }
  std::string bytes = read_file();
  for (std::size_t page = 2; page * 4096 < bytes.size(); ++page) {
    bytes.replace(page * 4096, 512, std::string(512, '\x5a'));
  }
  write_file(bytes);
  expect_refused(ErrorCode::kDataCorrupt, "damaged");
  EXPECT_EQ(read_file(), bytes);
}

TEST_F(DatabaseTest, ATruncatedFileIsToldAndLeftUntouched) {
  {
    const auto store = open();
    for (int i = 0; i < 50; ++i) ASSERT_TRUE((*store)->enqueue({.kind = "a"}, soon));
  }
  const std::string bytes = read_file().substr(0, 3 * 4096 + 100);
  write_file(bytes);
  expect_refused(ErrorCode::kDataCorrupt, "damaged");
  EXPECT_EQ(read_file(), bytes);
}

TEST_F(DatabaseTest, PlacesThatCannotHoldAStore) {
  std::filesystem::create_directory(path);
  expect_refused(ErrorCode::kInvalidArgument, "not a regular file");
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  expect_refused(ErrorCode::kInvalidArgument, "not a regular file");
  std::filesystem::remove(path);
  write_file("x");
  ::chmod(path.c_str(), 0666);
  expect_refused(ErrorCode::kPermissionDenied, "everybody");
  std::filesystem::remove(path);

  const std::string file = folder.path() + "/file";
  std::ofstream(file) << "x";
  path = file + "/jobs.db";
  EXPECT_FALSE(open());

  const std::string open_to_all = folder.path() + "/open";
  std::filesystem::create_directory(open_to_all);
  ::chmod(open_to_all.c_str(), 0777);
  path = open_to_all + "/jobs.db";
  const auto store = open();
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kPermissionDenied);
  ::chmod(open_to_all.c_str(), 01777);
  EXPECT_TRUE(open()) << "a sticky folder, as /tmp is, is safe";
}

TEST_F(DatabaseTest, AnotherProcessMayKeepItLockedUntilTheDeadline) {
  const auto store = open();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto late = (*store)->enqueue({.kind = "a"}, Deadline::after(50ms));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kTimedOut);
  EXPECT_EQ((*store)->counts(soon)->at(jobs::State::kAvailable), 0u) << "reads go on";
  ASSERT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  EXPECT_TRUE((*store)->enqueue({.kind = "a"}, soon));
}

TEST_F(DatabaseTest, AnInterruptedMakingIsDoneAnew) {
  std::ofstream(path + "-new") << "half a database";
  std::ofstream(path + "-new-journal") << "its journal";
  const auto store = open();
  ASSERT_TRUE(store) << store.error().message();
  EXPECT_TRUE((*store)->enqueue({.kind = "a"}, soon));
  EXPECT_FALSE(std::filesystem::exists(path + "-new"));
  EXPECT_FALSE(std::filesystem::exists(path + "-new-journal"));
}

}  // namespace
}  // namespace saola::jobs_sqlite
