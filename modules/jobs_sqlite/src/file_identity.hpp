// Whether a store's files are still the ones that were opened: a database that somebody removed or
// replaced goes on to take commits, which nobody will ever find again.
#pragma once

#include <sys/types.h>

#include <string>

#include <saola/base/error.hpp>

namespace saola::jobs_sqlite {

// The database file and its write-ahead log, by device and inode. Thread-safe.
class FileIdentity {
 public:
  // Remembers the files at `path` and PATH-wal, which must be open by now.
  explicit FileIdentity(std::string path);

  // kUnavailable when one of them is gone, another file, or empty. A few microseconds.
  Result<void> check() const;

 private:
  struct File {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const File&) const = default;
  };
  static File look(const std::string& path, bool& empty);

  const std::string path_;
  const std::string log_path_;
  File database_;
  File log_;
};

}  // namespace saola::jobs_sqlite
