// Small questions about UTF-8 and words, each answered here only.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace saola {

// Well-formed UTF-8 (Unicode 15, table 3-7): no surrogates, no overlong forms.
bool is_utf8(std::string_view text);
// Characters (code points) of well-formed UTF-8.
std::size_t character_count(std::string_view text);
// The longest prefix of at most `bytes` bytes that does not end within a character.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes);
// The candidate that `name` most looks like, or empty when none is near (two edits or a third of
// its length, case apart; one edit for three letters or less).
std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates);
std::string_view nearest(std::string_view name, const std::vector<std::string>& candidates);
// " Did you mean 'x'?", or nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace saola
