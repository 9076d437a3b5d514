// The access log: one line a request, in Gunicorn's atoms or JSON.
//
//   %(h)s client   %(l)s -        %(u)s user of Basic credentials    %(t)s [23/Nov/2026:01:02:03
//   +0000]
//   %(r)s request line   %(m)s method   %(U)s path   %(q)s query   %(H)s protocol
//   %(s)s status   %(B)s body bytes   %(b)s the same, - for 0   %(f)s referer   %(a)s user agent
//   %(T)s seconds   %(M)s ms   %(D)s µs   %(L)s seconds with fraction   %(p)s <pid>
//   %({name}i)s request field   %({name}o)s response field   %({name}e)s environment variable
//
// A text from the client cannot break a line: quotes, backslashes and bytes outside printable ASCII
// are escaped.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/http_conn/service.hpp>

#include "log/syslog.hpp"

namespace saola::server {

class AccessLogFormat {
 public:
  // "json" or a text with atoms. Fails on an atom that does not exist.
  static Result<AccessLogFormat> parse(std::string_view format);
  // One line with its newline.
  std::string line(const http_conn::Access& access) const;

 private:
  struct Piece {
    std::string text;  // literal, or the field's or variable's name
    char atom = 0;     // 0: literal
  };
  bool json_ = false;
  std::vector<Piece> pieces_;
};

// Thread-safe; one write(2) a line, no lock.
class AccessLog {
 public:
  // `path`: a file to append to, "-" for standard output, or empty for none. `syslog` gets the
  // lines too, unless it is null; it must outlive the log.
  static Result<std::unique_ptr<AccessLog>> open(const std::string& path, AccessLogFormat format,
                                                 Syslog* syslog = nullptr);

  void write(const http_conn::Access& access) const;
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
