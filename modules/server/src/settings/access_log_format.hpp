// What a line of the access log holds: Gunicorn's atoms or JSON.
//
//   %(h)s client   %(l)s -        %(u)s user of Basic credentials    %(t)s [23/Nov/2026:01:02:03 +0000]
//   %(r)s request line   %(m)s method   %(U)s path   %(q)s query   %(H)s protocol
//   %(s)s status   %(B)s body bytes   %(b)s the same, - for 0   %(f)s referer   %(a)s user agent
//   %(T)s seconds   %(M)s ms   %(D)s µs   %(L)s seconds with fraction   %(p)s <pid>
//   %({name}i)s request field   %({name}o)s response field   %({name}e)s environment variable
//
// A text from the client cannot break a line: quotes, backslashes and bytes outside printable ASCII
// are escaped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/http_conn/service.hpp>

namespace saola::server {

class AccessLogFormat {
 public:
  // "json" or a text with atoms. Fails on an atom that does not exist.
  static Result<AccessLogFormat> parse(std::string_view format);
  // One line with its newline.
  std::string line(const http_conn::Access& access, std::string_view client) const;

 private:
  struct Piece {
    std::string text;  // literal, or the field's or variable's name
    char atom = 0;     // 0: literal
  };
  bool json_ = false;
  std::vector<Piece> pieces_;
};

}  // namespace saola::server
