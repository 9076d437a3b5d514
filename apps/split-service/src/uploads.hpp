// POST /uploads: a local table into a writable bucket, for a request to name as its source.
#pragma once

#include <cstdint>
#include <functional>

#include <saola/service/service.hpp>

namespace saola::split_service {

// `most_bytes`: of one table; asked for each upload.
void add_upload_route(Service& service, std::function<std::uint64_t()> most_bytes);

}  // namespace saola::split_service
