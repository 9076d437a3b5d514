// The embedded job store: one SQLite file shared by all processes of a server on one machine.
// docs/formats/jobs_sqlite.md draws the schema.
//
//   auto store = jobs_sqlite::open_sqlite_store({.path = "/var/lib/app/jobs.db"});  // after fork()
//   if (!store) return fail(store);
//   (*store)->enqueue({.kind = "split"}, Deadline::after(5s));
#pragma once

#include <memory>
#include <string>

#include <saola/base/error.hpp>
#include <saola/jobs/store.hpp>

namespace saola::jobs_sqlite {

// Where the store is, and its limits.
struct SqliteOptions {
  // The database file. It and missing folders above it are made for this user alone (0600, 0700);
  // SQLite puts PATH-wal and PATH-shm beside it. Not on a network file system.
  std::string path;
  // store.max_bytes counts the pages of the database file that are in use; the log beside it (up to
  // 64 MB) and space that pruning has freed come on top.
  jobs::StoreOptions store;
};

// Opens the store, making it when there is none and bringing an older schema up to date.
//
// A write is in the file system's hands (fsync) when its call returns; calls that come together
// share a commit. Other processes' jobs wake wait_for_work() within about 10 ms. Starts a thread:
// open it after fork(), once in each process.
//
// Errors, with the file left as it was: kDataCorrupt (no SQLite database, or a damaged one),
// kInvalidArgument (a database of something else), kUnsupported (a newer schema, or a network file
// system), kPermissionDenied (not ours to read and write, or open to everybody's writing),
// kResourceExhausted, kUnavailable.
Result<std::unique_ptr<jobs::Store>> open_sqlite_store(SqliteOptions options);

}  // namespace saola::jobs_sqlite
