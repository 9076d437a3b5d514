#include "atomic_file.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <utility>

namespace saola::objects {
namespace {

constexpr mode_t kMode = 0666;

std::string temporary_name() {
  std::uint64_t random[2] = {};
  // Cannot fail for so few bytes; were it to, O_EXCL still keeps two files apart.
  (void)::getrandom(random, sizeof random, 0);
  return fmt::format(".saola-tmp-{:016x}{:016x}", random[0], random[1]);
}

Result<void> write_failed(const std::string& leaf) {
  const int error = errno;
  if (error == ENOSPC || error == EDQUOT) {
    return fail(ErrorCode::kResourceExhausted,
                "no room to write '{}': the disk or quota is full; free some space and try again",
                leaf);
  }
  return fail(errno_error(error, fmt::format("write '{}'", leaf)));
}

}  // namespace

Result<AtomicFile> AtomicFile::create(int directory, std::string leaf) {
  unique_fd fd(::openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, kMode));
  if (fd) return AtomicFile(directory, std::move(leaf), std::move(fd), "");
  // EISDIR, ENOENT: what file systems and kernels without O_TMPFILE answer.
  if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL) {
    std::string name = temporary_name();
    fd.reset(::openat(directory, name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, kMode));
    if (fd) return AtomicFile(directory, std::move(leaf), std::move(fd), std::move(name));
  }
  return fail(write_failed(leaf));
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : directory_(other.directory_),
      leaf_(std::move(other.leaf_)),
      fd_(std::move(other.fd_)),
      temporary_(std::exchange(other.temporary_, {})) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlinkat(directory_, temporary_.c_str(), 0);
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return write_failed(leaf_);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> AtomicFile::commit() {
  if (::fsync(fd_.get()) != 0) return write_failed(leaf_);
  if (temporary_.empty()) {
    // linkat cannot replace a file, so the file gets a name for the moment before the rename.
    std::string name = temporary_name();
    const std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
    if (::linkat(AT_FDCWD, self.c_str(), directory_, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      return write_failed(leaf_);
    }
    temporary_ = std::move(name);
  }
  if (::renameat(directory_, temporary_.c_str(), directory_, leaf_.c_str()) != 0) {
    return write_failed(leaf_);
  }
  temporary_.clear();
  if (::fsync(directory_) != 0) return write_failed(leaf_);
  return {};
}

}  // namespace saola::objects
