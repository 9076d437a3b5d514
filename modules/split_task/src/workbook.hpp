// Writes the assignment as an Excel workbook (libxlsxwriter).
#pragma once

#include <string>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/split/split.hpp>

namespace saola::split_task {

// The rows of assignment_csv() in a sheet "assignment"; numbers that are written plainly become
// numbers, ids stay text. Fails with kTooLarge beyond Excel's 1,048,576 rows. Uses temporary files.
Result<std::string> assignment_workbook(const split::Table& table, const split::Outcome& outcome,
                                        const std::vector<std::size_t>& columns);

}  // namespace saola::split_task
