#pragma once

#include <optional>
#include <string>

namespace saola::server {

// The CPU quota, in cores, of the tightest group named in `cgroup_file` (the format of
// /proc/self/cgroup) or above it, below `mount`; version 2 and version 1. nullopt: no quota.
std::optional<double> cgroup_cores(const std::string& cgroup_file, const std::string& mount);

}  // namespace saola::server
