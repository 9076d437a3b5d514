#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <vector>

#include <saola/base/cores.hpp>

namespace saola {
namespace {

// The numbers at the start of a file, separated by white space.
std::vector<double> read_numbers(const std::string& path) {
  std::ifstream file(path);
  std::vector<double> numbers;
  for (double number = 0; file >> number;) numbers.push_back(number);
  return numbers;
}

// Calls visit(folder) for `path` below `mount` and every folder above it, the mount included.
template <typename Visit>
void walk_up(const std::string& mount, std::string path, Visit visit) {
  while (true) {
    visit(mount + (path == "/" ? "" : path));
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos || path == "/") return;
    path.resize(slash);
  }
}

}  // namespace

std::optional<double> cgroup_cores(const std::string& cgroup_file, const std::string& mount) {
  std::optional<double> least;
  const auto limit = [&](double quota, double period) {
    if (quota > 0 && period > 0) least = std::min(least.value_or(quota / period), quota / period);
  };
  std::ifstream groups(cgroup_file);
  for (std::string line; std::getline(groups, line);) {
    // hierarchy:controllers:path
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {  // version 2
      walk_up(mount, path, [&](const std::string& folder) {
        // "QUOTA PERIOD", or "max PERIOD", which does not start with a number.
        const auto numbers = read_numbers(folder + "/cpu.max");
        if (numbers.size() == 2) limit(numbers[0], numbers[1]);
      });
    } else if (("," + controllers + ",").find(",cpu,") != std::string::npos) {  // version 1
      for (const std::string& name : {controllers, std::string("cpu")}) {
        walk_up(mount + "/" + name, path, [&](const std::string& folder) {
          const auto quota = read_numbers(folder + "/cpu.cfs_quota_us");  // -1: none
          const auto period = read_numbers(folder + "/cpu.cfs_period_us");
          if (!quota.empty() && !period.empty()) limit(quota[0], period[0]);
        });
      }
    }
  }
  return least;
}

unsigned allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  unsigned cores = 1;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    cores = std::max(1, CPU_COUNT(&set));
  }
  if (const auto quota = cgroup_cores("/proc/self/cgroup", "/sys/fs/cgroup")) {
    cores = std::min(cores, std::max(1u, static_cast<unsigned>(std::ceil(*quota))));
  }
  return cores;
}

}  // namespace saola
