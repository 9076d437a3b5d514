// The access log: one line a request, see settings/access_log_format.hpp.
#pragma once

#include <memory>
#include <string>

#include <saola/base/error.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/http_conn/service.hpp>

#include "log/syslog.hpp"
#include "settings/access_log_format.hpp"

namespace saola::server {

// Thread-safe; one write(2) a line, no lock.
class AccessLog {
 public:
  // `path`: a file to append to, "-" for standard output, or empty for none. `syslog` gets the
  // lines too, unless it is null; it must outlive the log.
  static Result<std::unique_ptr<AccessLog>> open(const std::string& path, AccessLogFormat format,
                                                 Syslog* syslog = nullptr);

  // `client`: who sent the request, "192.0.2.1:4711"; the peer, or whom a trusted proxy names.
  void write(const http_conn::Access& access, std::string_view client) const;
  // Opens the file anew, after it was renamed.
  void reopen();

 private:
  AccessLog(std::string path, unique_fd fd, AccessLogFormat format, Syslog* syslog)
      : path_(std::move(path)), fd_(std::move(fd)), format_(std::move(format)), syslog_(syslog) {}

  const std::string path_;
  const unique_fd fd_;  // reopen() puts the new file under the same number
  const AccessLogFormat format_;
  Syslog* const syslog_;
};

}  // namespace saola::server
