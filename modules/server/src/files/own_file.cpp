#include "files/own_file.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>

#include <fmt/core.h>

#include <saola/base/trusted_path.hpp>

namespace saola::server {

OwnFile OwnFile::at(std::string path) {
  const auto place = find_place(path);
  return place ? in(place->folder.get(), place->name, std::move(path)) : OwnFile();
}

OwnFile OwnFile::in(int folder, const std::string& name, std::string path) {
  OwnFile out;
  unique_fd fd(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return out;
  out.path_ = std::move(path);
  out.device_ = info.st_dev;
  out.inode_ = info.st_ino;
  out.pin_ = std::make_shared<const unique_fd>(std::move(fd));
  return out;
}

bool OwnFile::is_socket() const {
  struct stat info{};
  return pin_ && ::fstat(pin_->get(), &info) == 0 && S_ISSOCK(info.st_mode);
}

bool OwnFile::has_listener() const {
  if (!is_socket()) return false;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  // By its own inode: what has its name now may be another's.
  fmt::format("/proc/self/fd/{}", pin_->get()).copy(name.sun_path, sizeof name.sun_path - 1);
  const unique_fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 ||
         errno != ECONNREFUSED;
}

Result<void> OwnFile::set_access(std::optional<uid_t> user, std::optional<gid_t> group,
                                 mode_t mode) const {
  // Who may write in the folder may have put another file of root's there since it was made.
  if (!is_socket()) {
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
  const auto place = find_place(path_);
  if (place && is_there()) ::unlinkat(place->folder.get(), place->name.c_str(), 0);
}

Result<void> OwnFile::rename(const std::string& path) {
  const auto from = find_place(path_);
  if (!from || !is_there()) {
    return fail(ErrorCode::kNotFound, "{} is not this server's any more", path_);
  }
  const auto to = find_place(path);
  if (!to) return fail(to);
  if (::renameat(from->folder.get(), from->name.c_str(), to->folder.get(), to->name.c_str()) != 0) {
    return fail(errno_error(errno, fmt::format("cannot rename {} to {}", path_, path)));
  }
  path_ = path;
  return {};
}

}  // namespace saola::server
