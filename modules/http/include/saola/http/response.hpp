// A response as a handler makes it.
//
//   return Response(200, "text/plain", "hello\n");
//
//   Response response(200);
//   response.headers.set("Content-Type", "text/csv");
//   response.body = StreamBody{[rows](BodyWriter& out) -> Result<void> {
//     for (const Row& row : *rows) {
//       if (auto ok = out.write(csv_line(row)); !ok) return ok;
//     }
//     return {};
//   }};
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <saola/base/error.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/http/body.hpp>
#include <saola/http/headers.hpp>

namespace saola::http {

// Bytes of an open regular file, sent by sendfile(2) where that is possible. A file that turns out
// shorter ends the connection, so that the client sees the body is cut.
struct FileBody {
  unique_fd fd;
  std::uint64_t offset = 0;  // bytes
  std::uint64_t length = 0;  // bytes
};

// A body made while it is sent. `produce` is called once, after the head was accepted, not at all
// when the response has no body (HEAD, 304). When it returns an error or throws, the connection is
// cut so that the client sees the body is not whole.
struct StreamBody {
  std::move_only_function<Result<void>(BodyWriter&)> produce;
  // Bytes to come when known; otherwise chunked (HTTP/1.1) or ended by closing (1.0).
  std::optional<std::uint64_t> length;
};

// Nothing, text, text shared with others (a cache), a file, a stream.
using Body = std::variant<std::monostate, std::string, std::shared_ptr<const std::string>, FileBody,
                          StreamBody>;

// Status, fields and body. The server adds Date, Connection and the framing fields (Content-Length,
// Transfer-Encoding); those set by a handler are replaced, except Content-Length of a response
// without a body to HEAD and "Connection: close", which closes. REQUIRES of whoever sends it: 200 ≤
// status ≤ 999.
struct Response {
  int status = 200;
  Headers headers;
  Body body;

  Response() = default;
  explicit Response(int code) : status(code) {}
  Response(int code, std::string_view content_type, std::string text)
      : status(code), body(std::move(text)) {
    headers.add("Content-Type", content_type);
  }
};

}  // namespace saola::http
