// Paths for a process of root that works in folders of less trusted users: a log, a state directory.
// A symbolic link there, anywhere in the path, could lead it to any file of the system.
#pragma once

#include <string>

#include <saola/base/error.hpp>
#include <saola/base/unique_fd.hpp>

namespace saola {

// A name in an open folder, for openat(2) and its like with O_NOFOLLOW.
struct Place {
  unique_fd folder;  // O_PATH
  std::string name;
  // A descriptor of this process in /proc (/dev/stdout leads there), which only opening follows.
  bool is_descriptor = false;
  // Nobody but root and this process's user can change where the path leads, so that it may be used
  // as it is written.
  bool only_ours = true;
};

// Where `path` leads. Links on the way are followed if root or this process's user made them, others
// fail with kPermissionDenied. What is there need not exist; its folder must (kNotFound).
Result<Place> find_place(const std::string& path);

// Opens `path` for appending, as a log is; makes it with mode 0644 (less the umask) when it is
// missing. Follows links as find_place(). As root, a file with several names (hard links) fails, too.
// A FIFO that nobody reads fails instead of waiting for a reader.
Result<unique_fd> open_to_append(const std::string& path);

// Makes the folder and those above it that are missing; true when it was not there.
Result<bool> make_folders(const std::string& path);

}  // namespace saola
