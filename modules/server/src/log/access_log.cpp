#include "log/access_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include <saola/base/log.hpp>

namespace saola::server {
namespace {

unique_fd open_file(const std::string& path) {
  return path == "-"
             ? unique_fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3))
             : unique_fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
}

}  // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path, AccessLogFormat format,
                                                   Syslog* syslog) {
  unique_fd fd;
  if (!path.empty()) fd = open_file(path);
  if (!path.empty() && !fd) {
    return std::unexpected(errno_error(errno, "cannot open the access log " + path));
  }
  return std::unique_ptr<AccessLog>(new AccessLog(path, std::move(fd), std::move(format), syslog));
}

void AccessLog::write(const http_conn::Access& access, std::string_view client) const {
  const std::string line = format_.line(access, client);
  // A full disk loses lines, not requests.
  if (fd_) [[maybe_unused]]
    const ssize_t written = ::write(fd_.get(), line.data(), line.size());
  if (syslog_ != nullptr) syslog_->write_access(line);
}

void AccessLog::reopen() {
  if (path_ == "-" || path_.empty()) return;
  const unique_fd fresh = open_file(path_);
  if (!fresh || ::dup3(fresh.get(), fd_.get(), O_CLOEXEC) < 0) {
    log_warning("the access log cannot be opened anew; lines go to the old file",
                {{"path", path_}});
  }
}

}  // namespace saola::server
