// Finds out how a text file separates its columns and where its header is.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace saola::split {

struct Dialect {
  char delimiter = ',';
  // Offset of the header's record in the text.
  std::size_t header = 0;
  // What was passed over before it, as sentences.
  std::vector<std::string> notes;
};

// Looks at the first records (at most 1 MiB). The delimiter is the one under which most records
// have equally many fields, and then most cells are numbers; a line "sep=;", blank lines and a
// title before the header are passed over.
Dialect find_dialect(std::string_view text, const std::optional<char>& delimiter);

}  // namespace saola::split
