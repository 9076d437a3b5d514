// A route that takes a client's local file into a writable bucket, for other requests to name as
// their source:
//
//   add_upload_route(service, {.most_bytes = [] { return 64 << 20; }, .used_by = "POST /split"});
//   // curl -F file=@units.csv http://127.0.0.1:8000/uploads
//   // {"source": "s3://data/uploads/5e884898da280471/units.csv", "bytes": 10123}
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <saola/service/service.hpp>

namespace saola {

struct UploadOptions {
  // Of one file; asked for each upload, on any fiber.
  std::function<std::uint64_t()> most_bytes;
  // The setting that says it, for errors and documentation.
  std::string setting = {};
  // What takes the answer's "source", for documentation.
  std::string used_by = {};
};

// POST /uploads: multipart/form-data with one file, kept under "uploads/" in the first bucket that
// may be written there, or under the argument 'destination'. 201 with the object's name; 400, 403,
// 413, 415 and 503 as problem documents. The file lies in the system's temporary folder meanwhile.
// Nothing removes an upload from the bucket. REQUIRES: `service` lives while it serves.
void add_upload_route(Service& service, UploadOptions options);

}  // namespace saola
