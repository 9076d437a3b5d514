#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <system_error>

#include <saola/base/open_files.hpp>

namespace saola {
namespace {

// A hard limit may be a billion; nobody needs the tables for it.
constexpr rlim_t kMost = 1 << 20;

// The soft limit of before; 0: not raised.
constinit std::atomic<rlim_t> soft_before{0};

}  // namespace

std::size_t raise_open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlimit raised{.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kMost)),
                      .rlim_max = limit.rlim_max};
  if (raised.rlim_cur == limit.rlim_cur || ::setrlimit(RLIMIT_NOFILE, &raised) != 0) {
    return limit.rlim_cur;
  }
  soft_before.store(limit.rlim_cur);
  return raised.rlim_cur;
}

void restore_open_files_limit(pid_t pid) {
  const rlim_t soft = soft_before.load();
  rlimit limit{};
  if (soft == 0 || ::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) != 0) return;
  limit.rlim_cur = std::min(soft, limit.rlim_max);
  ::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr);
}

std::size_t open_files() {
  std::error_code none;
  std::size_t count = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", none);
       entry != std::filesystem::directory_iterator(); entry.increment(none)) {
    ++count;
  }
  return count;
}

}  // namespace saola
