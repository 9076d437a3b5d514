// Decompresses zstd within a limit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>

namespace saola::split {

bool is_zstd(std::string_view bytes);

// The content of all frames in `bytes`. Fails with kDataCorrupt when damaged or cut short,
// kTooLarge beyond `max_bytes` or a window of more than 128 MiB.
Result<std::string> unzstd(std::string_view bytes, std::uint64_t max_bytes);

}  // namespace saola::split
