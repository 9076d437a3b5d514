#include "files/own_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include <fmt/core.h>

namespace saola::server {

OwnFile OwnFile::at(std::string path) {
  OwnFile out;
  unique_fd fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return out;
  out.path_ = std::move(path);
  out.device_ = info.st_dev;
  out.inode_ = info.st_ino;
  out.pin_ = std::make_shared<const unique_fd>(std::move(fd));
  return out;
}

Result<void> OwnFile::set_access(std::optional<uid_t> user, std::optional<gid_t> group,
                                 mode_t mode) const {
  // Who may write in the folder may have put another file of root's there since it was made.
  struct stat info{};
  if (!pin_ || ::fstat(pin_->get(), &info) != 0 || !S_ISSOCK(info.st_mode)) {
    return fail(ErrorCode::kConflict, "{} is no longer this server's socket", path_);
  }
  if ((user || group) && ::fchownat(pin_->get(), "", user.value_or(static_cast<uid_t>(-1)),
                                    group.value_or(static_cast<gid_t>(-1)), AT_EMPTY_PATH) != 0) {
    return fail(errno_error(errno, fmt::format("cannot change whose {} is", path_)));
  }
  // fchmod(2) takes no O_PATH descriptor.
  if (::chmod(fmt::format("/proc/self/fd/{}", pin_->get()).c_str(), mode) != 0) {
    return fail(errno_error(errno, fmt::format("cannot change the mode of {}", path_)));
  }
  return {};
}

void OwnFile::remove() const {
  if (is_there()) ::unlink(path_.c_str());
}

Result<void> OwnFile::rename(const std::string& path) {
  if (!is_there()) return fail(ErrorCode::kNotFound, "{} is not this server's any more", path_);
  if (::rename(path_.c_str(), path.c_str()) != 0) {
    return fail(errno_error(errno, fmt::format("cannot rename {} to {}", path_, path)));
  }
  path_ = path;
  return {};
}

}  // namespace saola::server
