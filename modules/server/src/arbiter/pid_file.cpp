#include "arbiter/pid_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/core.h>

#include <saola/base/trusted_path.hpp>

namespace saola::server {
namespace {

// More than any process id has; a longer file is something else.
constexpr off_t kLongest = 64;

// 0 when the file holds no process id.
pid_t read_pid(int fd) {
  std::array<char, kLongest> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + std::max<ssize_t>(got, 0), pid);
  return pid;
}

Result<void> write_pid(int fd) {
  const std::string text = fmt::format("{}\n", ::getpid());
  // Written before it is cut, so that nobody reads an empty file.
  if (::pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ::ftruncate(fd, static_cast<off_t>(text.size())) != 0) {
    return fail(errno_error(errno, "cannot write the pid file"));
  }
  return {};
}

}  // namespace

PidFile& PidFile::operator=(PidFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(fd_, other.fd_);
  return *this;
}

Result<PidFile> PidFile::write(const std::string& path) {
  while (true) {
    const auto place = find_place(path);
    if (!place) return fail(Error(place.error()).wrap("cannot open the pid file"));
    unique_fd fd(::openat(place->folder.get(), place->name.c_str(),
                          O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644));
    if (!fd) {
      return fail(errno_error(errno, fmt::format("cannot open the pid file {}", path)));
    }
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1 ||
        info.st_size > kLongest) {
      return fail(ErrorCode::kAlreadyExists,
                  "{} is no pid file; remove it or choose another --pidfile", path);
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) {
        return fail(errno_error(errno, fmt::format("cannot lock the pid file {}", path)));
      }
      return fail(ErrorCode::kAlreadyExists,
                  "the pid file {} is held by process {}, which runs: the server is started "
                  "already; stop that one or choose another --pidfile",
                  path, read_pid(fd.get()));
    }
    OwnFile file = OwnFile::at(path);
    // The server before removed it between our open() and flock().
    if (file.device() != info.st_dev || file.inode() != info.st_ino) continue;
    PidFile out(std::move(file), std::move(fd));
    if (auto written = write_pid(out.fd_.get()); !written) {
      return fail(std::move(written).error().wrap(path));
    }
    return out;
  }
}

Result<void> PidFile::move_to(const std::string& path) {
  auto moved = write(path);
  if (!moved) return fail(moved);
  *this = std::move(*moved);
  return {};
}

}  // namespace saola::server
