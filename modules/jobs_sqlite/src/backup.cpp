#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <saola/base/unique_fd.hpp>
#include <saola/jobs_sqlite/backup.hpp>

#include "connection.hpp"
#include "database.hpp"

namespace saola::jobs_sqlite {
namespace {

constexpr std::chrono::seconds kPatience(10);
constexpr const char* kSides[] = {"-wal", "-shm", "-journal"};

std::unexpected<Error> failed(std::string_view what, const std::string& path) {
  return fail(errno_error(errno, fmt::format("{} '{}'", what, path)));
}

Result<void> sync(const std::string& path) {
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return failed("syncing", path);
  return {};
}

std::string folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.native();
}

// Copies `from` as it is at one moment to the new file `to`, as one file without a log, on disk.
Result<void> copy(Connection& from, const std::string& to) {
  {
    const unique_fd made(
        ::open(to.c_str(), O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!made) return failed("making", to);
  }
  auto target = Connection::open(to, Access::kReadWrite);
  if (!target) return fail(target);
  sqlite3_backup* copying = sqlite3_backup_init((*target)->handle(), "main", from.handle(), "main");
  if (copying == nullptr) {
    return fail((*target)->error(sqlite3_extended_errcode((*target)->handle())));
  }
  // All pages in one step: the source stays as it is meanwhile for this reader, and writers go on.
  const int code = sqlite3_backup_step(copying, -1);
  sqlite3_backup_finish(copying);
  if (code != SQLITE_DONE) return fail((*target)->error(code));
  auto mode = (*target)->text("PRAGMA journal_mode = DELETE");
  if (!mode) return fail(mode);
  return sync(to);
}

// copy() whose unfinished file is removed.
Result<void> copy_whole(Connection& from, const std::string& to) {
  auto done = copy(from, to);
  if (!done) {
    ::unlink(to.c_str());
    for (const char* side : kSides) ::unlink((to + side).c_str());
  }
  return done;
}

// Run as root, what is restored must still be the service's: it gets the owner of the store that it
// replaces, or of its folder. Only the file that was made just now, by no other name of it.
Result<void> give_to_owner_of(const std::string& like, const std::string& path) {
  struct stat owner{};
  if (::lstat(like.c_str(), &owner) != 0 && ::stat(folder_of(like).c_str(), &owner) != 0) {
    return failed("looking at the folder of", like);
  }
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return failed("looking at", path);
  if (info.st_uid == owner.st_uid && info.st_gid == owner.st_gid) return {};
  if (!S_ISREG(info.st_mode) || info.st_nlink != 1 || info.st_uid != ::geteuid()) {
    return fail(ErrorCode::kConflict, "'{}' was replaced while it was being made", path);
  }
  if (::geteuid() == 0 && ::fchown(fd.get(), owner.st_uid, owner.st_gid) != 0) {
    return failed("changing the owner of", path);
  }
  return {};
}

// That nobody has the store at `path` open; its log is in the database then, and gone. A file that
// is no database is nobody's.
Result<void> close_for_all(const std::string& path) {
  auto db = Connection::open(path, Access::kReadWrite);
  if (!db) return {};
  (*db)->set_busy_deadline(Deadline::after(std::chrono::milliseconds(100)));
  // A connection of this mode takes the locks that show other connections, and keeps them.
  auto mode = (*db)->text("PRAGMA locking_mode = EXCLUSIVE");
  if (!mode) return fail(mode);
  const auto begun = (*db)->execute("BEGIN EXCLUSIVE");
  if (begun) return (*db)->execute("COMMIT");
  if (begun.error().code() != ErrorCode::kTimedOut) return {};
  return fail(ErrorCode::kConflict,
              "job store '{}' is open in a process; stop the server before a restore", path);
}

}  // namespace

Result<void> backup_sqlite_store(const std::string& path, const std::string& to) {
  if (std::filesystem::exists(std::filesystem::symlink_status(to))) {
    return fail(ErrorCode::kAlreadyExists, "'{}' is there; name a new file for the backup", to);
  }
  if (auto ours = check_store(path, Deadline::after(kPatience)); !ours) return ours;
  auto from = open_reader(path);
  if (!from) return fail(from);
  (*from)->set_busy_deadline(Deadline::after(kPatience));
  const std::string unfinished = to + "-unfinished";
  ::unlink(unfinished.c_str());
  if (auto done = copy_whole(**from, unfinished); !done) return done;
  // Nobody's file is replaced, should one have appeared meanwhile.
  if (::renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    auto error = failed("moving the backup into place as", to);
    ::unlink(unfinished.c_str());
    return error;
  }
  return sync(folder_of(to));
}

Result<void> restore_sqlite_store(const std::string& from, const std::string& path) {
  struct stat info{};
  if (::stat(from.c_str(), &info) != 0) return failed("looking at the backup", from);
  if (auto ours = check_store(from, Deadline::after(kPatience)); !ours) return ours;
  auto source = Connection::open(from, Access::kReadOnly);
  if (!source) return fail(source);
  const auto verdict = (*source)->text("PRAGMA integrity_check(1)");
  if (!verdict) return fail(verdict);
  if (*verdict != "ok") {
    return fail(ErrorCode::kDataCorrupt, "the backup '{}' is damaged: {}", from, *verdict);
  }
  const std::string unfinished = path + "-restored";
  ::unlink(unfinished.c_str());
  if (auto done = copy_whole(**source, unfinished); !done) return done;
  if (auto given = give_to_owner_of(path, unfinished); !given) return given;
  if (::stat(path.c_str(), &info) == 0) {
    if (auto closed = close_for_all(path); !closed) {
      ::unlink(unfinished.c_str());
      return closed;
    }
  }
  // A log beside the restored database would be taken for its own, so it moves away first.
  for (const std::string side : {"-wal", "-shm", "-journal", ""}) {
    const std::string old = path + side;
    if (::rename(old.c_str(), (path + "-replaced" + side).c_str()) != 0 && errno != ENOENT) {
      return failed("moving away", old);
    }
  }
  if (::rename(unfinished.c_str(), path.c_str()) != 0) return failed("moving into place", path);
  return sync(folder_of(path));
}

}  // namespace saola::jobs_sqlite
