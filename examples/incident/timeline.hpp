// The drawing of who held which thread when.
#pragma once

#include <string>
#include <vector>

#include "drive.hpp"

namespace incident {

// One panel a run, one row a thread: a bar for each task, a tick for each ping answered there.
std::string timeline_svg(const std::vector<Measured>& results);

}  // namespace incident
