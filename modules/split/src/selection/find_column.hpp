// Columns by name, and whether one can be used as numbers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/split/table.hpp>

namespace saola::split {

// Fails with kInvalidArgument; the text begins with `option` and names the nearest column.
Result<std::size_t> find_column(const Table& table, std::string_view option,
                                const std::string& name);

// Whether every cell that has a value holds a finite number; kInvalidArgument with the first that
// does not, or when there is none.
Result<void> check_numeric(const Table& table, std::size_t column);

}  // namespace saola::split
