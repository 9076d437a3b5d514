// A file that this process has made, such as a socket's: removed at the end, unless somebody has put
// another one in its place.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include <saola/base/error.hpp>
#include <saola/base/unique_fd.hpp>

namespace saola::server {

class OwnFile {
 public:
  // None.
  OwnFile() = default;
  // What is at `path` now, itself and not what it links to; none when nothing is there, or when
  // somebody else's link is on the way (find_place()).
  static OwnFile at(std::string path);

  // What is at `name` in `folder` now, and is, or will be, at `path`.
  static OwnFile in(int folder, const std::string& name, std::string path);

  const std::string& path() const { return path_; }  // empty: none
  dev_t device() const { return device_; }
  ino_t inode() const { return inode_; }
  // Whether the path still names it.
  bool is_there() const { return pin_ && is(at(path_)); }
  // Whether both are the same file.
  bool is(const OwnFile& other) const { return device_ == other.device_ && inode_ == other.inode_; }
  // Gives a socket, wherever it is now, an owner, a group (unless nullopt) and a mode.
  Result<void> set_access(std::optional<uid_t> user, std::optional<gid_t> group, mode_t mode) const;
  // Whether it is a socket, wherever it is now, that somebody listens on; or nobody can tell.
  bool has_listener() const;
  bool is_socket() const;
  // Removes it, if it is there.
  void remove() const;
  // Renames it, over whatever has the other name.
  Result<void> rename(const std::string& path);

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  // Open as long as this is, or the number of the inode could become another file's. Shared by
  // copies of this object, which are of the same file.
  std::shared_ptr<const unique_fd> pin_;
};

}  // namespace saola::server
