#include "file_identity.hpp"

#include <sys/stat.h>

#include <utility>

namespace saola::jobs_sqlite {

FileIdentity::FileIdentity(std::string path) : path_(std::move(path)), log_path_(path_ + "-wal") {
  bool empty = false;
  database_ = look(path_, empty);
  log_ = look(log_path_, empty);
}

// Nothing where there is no file.
FileIdentity::File FileIdentity::look(const std::string& path, bool& empty) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return {};
  empty = info.st_size == 0;
  return {info.st_dev, info.st_ino};
}

Result<void> FileIdentity::check() const {
  bool empty = false;
  bool ignored = false;
  const File database = look(path_, empty);
  if (database == database_ && !empty && look(log_path_, ignored) == log_) return {};
  return fail(ErrorCode::kUnavailable,
              "the job store: its file was {} while it was open, so nothing more is taken; put it "
              "back, or restart the server to begin with what is there",
              empty                   ? "emptied"
              : database == File{}    ? "removed"
              : database != database_ ? "replaced"
                                      : "parted from its write-ahead log");
}

}  // namespace saola::jobs_sqlite
