// Copies of a SQLite job store. docs/backup.md shows their use.
//
//   if (auto done = backup_sqlite_store("/var/lib/app/jobs.db", "/backup/jobs-1.db"); !done) …
//   …
//   restore_sqlite_store("/backup/jobs-1.db", "/var/lib/app/jobs.db");     // the server is stopped
#pragma once

#include <string>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>

namespace saola::jobs_sqlite {

// Writes the store at `path` as it is at one moment to the new file `to` (mode 0600), while servers
// go on using it: every job that was acknowledged before the call is in it. The file is complete
// when its name appears, and one file: it may be copied.
//
// Errors: kAlreadyExists (`to` is there), those of open_sqlite_store() for `path`, and
// kResourceExhausted, kPermissionDenied, kUnavailable for `to`.
Result<void> backup_sqlite_store(const std::string& path, const std::string& to);

// Puts the backup `from` in the place of the store at `path`. What was there is kept beside it as
// PATH-replaced, in place of one that an earlier restore left.
//
// Errors, with the store left as it was: kConflict (a process has the store open: stop the server),
// kNotFound, kDataCorrupt (every page of `from` is checked), kInvalidArgument (it is no job store),
// kUnsupported (a newer schema), and those of writing beside `path`.
Result<void> restore_sqlite_store(const std::string& from, const std::string& path);

}  // namespace saola::jobs_sqlite
