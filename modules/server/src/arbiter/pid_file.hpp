#pragma once

#include <string>

#include <saola/base/error.hpp>

namespace saola::server {

// The arbiter's process id in a file, as long as it runs.
class PidFile {
 public:
  PidFile() = default;
  PidFile(PidFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PidFile& operator=(PidFile&& other) noexcept;
  // Removes the file if it still holds this process's id.
  ~PidFile();

  // Writes the file whole or not at all. A file of a process that is gone is replaced; that of a
  // live one is an error (kAlreadyExists) that names it.
  static Result<PidFile> write(const std::string& path);
  // Renames the file ("x.2" → "x" after a binary upgrade).
  Result<void> move_to(const std::string& path);
  const std::string& path() const { return path_; }

 private:
  std::string path_;  // empty: no file
};

}  // namespace saola::server
