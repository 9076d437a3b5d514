#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>

namespace saola::split {

// True for the magic bytes of gzip (RFC 1952).
bool is_gzip(std::string_view bytes);

// The content of all members, one after the other. kDataCorrupt when cut short or damaged,
// kTooLarge when it would be over `max_bytes`.
Result<std::string> gunzip(std::string_view bytes, std::uint64_t max_bytes);

}  // namespace saola::split
