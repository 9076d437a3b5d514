// Small questions about UTF-8 and words, each answered here only.
//
//   if (!is_utf8(name)) return fail(ErrorCode::kInvalidArgument, "the name is not UTF-8");
//   log_info(std::string(utf8_prefix(title, 80)));
//   "unknown command 'sumbit'." + did_you_mean("sumbit", words)   // … Did you mean 'submit'?
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace saola {

// Well-formed UTF-8 (Unicode 15, table 3-7): no surrogates, no overlong forms.
bool is_utf8(std::string_view text);
// The offset of the first byte that is not; nullopt when all is well-formed.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);
// Characters (code points) of well-formed UTF-8; of anything else some number.
std::size_t character_count(std::string_view text);
// The longest prefix of at most `bytes` bytes that does not end within a character. A view of
// `text`.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes);
// The candidate that `name` most looks like by Levenshtein's distance without ASCII case, the first
// of equals; empty when none is near (two edits or a third of its length; one edit for three
// letters or less) or `name` is longer than 64 bytes, as the distance costs the product of the
// lengths.
std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates);
// The answer is a view of a candidate.
std::string_view nearest(std::string_view name, const std::vector<std::string>& candidates);
// " Did you mean 'x'?" with its space in front, to put behind a message; or nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace saola
