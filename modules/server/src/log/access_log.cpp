#include "log/access_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include <saola/base/log.hpp>
#include <saola/base/trusted_path.hpp>

namespace saola::server {
namespace {

Result<unique_fd> open_file(const std::string& path) {
  if (path == "-") return unique_fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  return open_to_append(path);
}

}  // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path, AccessLogFormat format,
                                                   Syslog* syslog) {
  unique_fd fd;
  if (!path.empty()) {
    auto opened = open_file(path);
    if (!opened) {
      return fail(std::move(opened).error().wrap("cannot open the access log"));
    }
    fd = *std::move(opened);
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
  const auto fresh = open_file(path_);
  if (!fresh || ::dup3(fresh->get(), fd_.get(), O_CLOEXEC) < 0) {
    log_warning("the access log cannot be opened anew; lines go to the old file",
                {{"path", path_}});
  }
}

}  // namespace saola::server
