// Files and other things with a version.
//
//   auto folder = Directory::open("static");
//   if (!folder) return folder.error();
//   app.get("/static/<path:name>", [folder = std::make_shared<Directory>(*std::move(folder))](
//                                      Request& request, std::string_view name) {
//     return folder->send(request.raw(), name);                   // Result<Response>: 404, …
//   });
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <saola/base/error.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/http/request.hpp>
#include <saola/http/response.hpp>

namespace saola::web {

// A folder whose files may be read. Nothing outside it can be, whatever the name: "..", absolute
// names and symbolic links that lead out are kNotFound (openat2 with RESOLVE_BENEATH). It stays the
// same folder when it is renamed. Any thread.
class Directory {
 public:
  // kNotFound, kPermissionDenied, … when `path` is not a folder that can be opened.
  static Result<Directory> open(const std::string& path);

  // The regular file `name` ("js/app.js") as the answer to `request`: 200, 206, 304, 412 or 416,
  // with ETag (from time, size and inode), Last-Modified, Accept-Ranges and a content type by its
  // suffix. kNotFound for all that is no readable regular file. Reads the disk in place: may block
  // the thread shortly.
  Result<http::Response> send(const http::Request& request, std::string_view name) const;

 private:
  explicit Directory(unique_fd fd) : fd_(std::move(fd)) {}
  unique_fd fd_;
};

// Answers the request's If-Match, If-None-Match and If-(Un)Modified-Since from the ETag and
// Last-Modified of a 200 response to GET or HEAD whose body is in memory: 304, 412, or the response
// as it is, as are all others.
//
//   Response page = html(render());
//   page.headers.set("ETag", "\"v7\"");
//   return make_conditional(request.raw(), std::move(page));
http::Response make_conditional(const http::Request& request, http::Response response);

// "text/html; charset=utf-8" for "x.html"; "application/octet-stream" for what is not known.
std::string_view content_type_of(std::string_view file_name);

}  // namespace saola::web
