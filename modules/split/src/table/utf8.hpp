#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace saola::split {

// The offset of the first byte that is not UTF-8 (RFC 3629), none when all are.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

}  // namespace saola::split
