// How many cores this process may use.
#pragma once

#include <optional>
#include <string>

namespace saola {

// By affinity (taskset, cpuset) and by the CPU quota of the control group (docker --cpus, a systemd
// unit's CPUQuota=), rounded up; at least 1. What pools of threads that compute are sized by.
// Reads files: ask once.
unsigned allowed_cores();

// The CPU quota, in cores, of the tightest group named in `cgroup_file` (the format of
// /proc/self/cgroup) or above it, below `mount`; version 2 and version 1. nullopt: no quota.
std::optional<double> cgroup_cores(const std::string& cgroup_file, const std::string& mount);

}  // namespace saola
