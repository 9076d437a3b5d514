// A file that appears under its name only when it is complete and on disk.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <saola/base/error.hpp>
#include <saola/base/unique_fd.hpp>

namespace saola::objects {

// Written without a name (O_TMPFILE) where the file system can, so that even a killed process
// leaves nothing behind; elsewhere under the name ".saola-tmp-…", removed by the destructor.
class AtomicFile {
 public:
  // A new file to be called `leaf` in the directory `directory`, which must stay open.
  static Result<AtomicFile> create(int directory, std::string leaf);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  // Drops what was not committed.
  ~AtomicFile();

  Result<void> write(std::span<const std::byte> bytes);
  // fsync, rename over `leaf`, fsync of the directory. Call once, last.
  Result<void> commit();

  // Open until destruction.
  int fd() const { return fd_.get(); }

 private:
  AtomicFile(int directory, std::string leaf, unique_fd fd, std::string temporary)
      : directory_(directory),
        leaf_(std::move(leaf)),
        fd_(std::move(fd)),
        temporary_(std::move(temporary)) {}

  int directory_;
  std::string leaf_;
  unique_fd fd_;
  // The name to remove on failure; empty while the file has none.
  std::string temporary_;
};

}  // namespace saola::objects
