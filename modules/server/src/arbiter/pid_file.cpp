#include "arbiter/pid_file.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <utility>

#include <fmt/core.h>

#include <saola/base/unique_fd.hpp>

namespace saola::server {
namespace {

// 0 when the file is missing or holds no process id.
pid_t read_pid(const std::string& path) {
  std::ifstream file(path);
  pid_t pid = 0;
  return file >> pid && pid > 0 ? pid : 0;
}

}  // namespace

PidFile& PidFile::operator=(PidFile&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

PidFile::~PidFile() {
  if (!path_.empty() && read_pid(path_) == ::getpid()) ::unlink(path_.c_str());
}

Result<PidFile> PidFile::write(const std::string& path) {
  const pid_t owner = read_pid(path);
  if (owner != 0 && owner != ::getpid() && (::kill(owner, 0) == 0 || errno == EPERM)) {
    return fail(ErrorCode::kAlreadyExists,
                "the pid file {} names process {}, which runs: the server seems to be started "
                "already; stop that one, or remove the file if it is another program",
                path, owner);
  }
  const std::string fresh = fmt::format("{}.{}.new", path, ::getpid());
  const unique_fd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  const std::string text = fmt::format("{}\n", ::getpid());
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::rename(fresh.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(fresh.c_str());
    return std::unexpected(errno_error(error, fmt::format("cannot write the pid file {}", path)));
  }
  PidFile out;
  out.path_ = path;
  return out;
}

Result<void> PidFile::move_to(const std::string& path) {
  if (::rename(path_.c_str(), path.c_str()) != 0) {
    return std::unexpected(errno_error(errno, fmt::format("cannot rename {} to {}", path_, path)));
  }
  path_ = path;
  return {};
}

}  // namespace saola::server
