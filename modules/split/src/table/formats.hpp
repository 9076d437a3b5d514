// What a file is, by its first bytes.
#pragma once

#include <string_view>

#include <saola/base/error.hpp>

namespace saola::split {

// An Excel workbook in the Office Open XML format.
bool is_xlsx(std::string_view bytes);

// Fails with kUnsupported on a file of another kind; the text says how to convert it.
Result<void> check_format(std::string_view bytes);

}  // namespace saola::split
