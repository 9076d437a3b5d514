// The table and the JSON of measured runs.
#pragma once

#include <vector>

#include "drive.hpp"

namespace incident {

// To standard output: a table, or JSON (one object, with options.all a list of those that could be
// run; the others are told on standard error).
void print_results(const std::vector<Measured>& results, const DriveOptions& options);

}  // namespace incident
