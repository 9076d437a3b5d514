#pragma once

#include <string>

#include <saola/base/error.hpp>
#include <saola/base/unique_fd.hpp>

#include "files/own_file.hpp"

namespace saola::server {

// The arbiter's process id in a file, which is locked as long as it runs: whether the server of an
// older file still runs is asked of the lock, since its number may be another program's by now.
class PidFile {
 public:
  PidFile() = default;
  PidFile(PidFile&&) noexcept = default;
  PidFile& operator=(PidFile&& other) noexcept;
  // Removes the file, unless another has taken its place.
  ~PidFile() { file_.remove(); }

  // Makes the file, or takes over one that nobody has locked. A locked one is kAlreadyExists; a
  // symbolic link is not followed.
  static Result<PidFile> write(const std::string& path);
  // Gives the file another name ("x.2" → "x" after a binary upgrade); fails as write() does.
  Result<void> move_to(const std::string& path);
  const std::string& path() const { return file_.path(); }

 private:
  PidFile(OwnFile file, unique_fd fd) : file_(std::move(file)), fd_(std::move(fd)) {}

  OwnFile file_;  // none: no file
  unique_fd fd_;  // holds the lock
};

}  // namespace saola::server
