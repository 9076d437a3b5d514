#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <vector>

#include <fmt/core.h>

#include <saola/base/process_stat.hpp>
#include <saola/jobs/owner.hpp>
#include <saola/jobs/task_worker.hpp>

namespace saola::jobs {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// When it started, in the kernel's ticks; empty when there is no such process, or only a zombie of it.
std::string start_of(std::string_view pid) {
  constexpr int kStartTime = 22;
  const ProcessStat stat = ProcessStat::read(fmt::format("/proc/{}/stat", pid));
  return stat.lives() ? std::string(stat.field(kStartTime)) : std::string();
}

// "HOST/BOOT/NAMESPACE/" of this process.
const std::string& here() {
  static const std::string place = [] {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    std::array<char, 64> ns{};
    [[maybe_unused]] const auto length = ::readlink("/proc/self/ns/pid", ns.data(), ns.size() - 1);
    return fmt::format("{}/{}/{}/", host.data(), first_line("/proc/sys/kernel/random/boot_id"),
                       ns.data());
  }();
  return place;
}

// The process of an owner's name; nothing unless it is of this boot and pid namespace and lives.
std::optional<std::string> living_process(std::string_view owner) {
  if (!owner.starts_with(here())) return std::nullopt;
  owner.remove_prefix(here().size());
  const std::size_t slash = owner.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string pid(owner.substr(0, slash));
  if (pid.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  if (start_of(pid) != owner.substr(slash + 1)) return std::nullopt;
  return pid;
}

// How often the thread of `pid` that renews leases has gone to sleep; empty: there is none.
std::string keepers_switches(const std::string& pid) {
  std::error_code gone;
  for (const auto& task :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), gone)) {
    if (first_line(task.path() / "comm") != kKeeperThread) continue;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("voluntary_ctxt_switches:")) return line;
    }
  }
  return {};
}

}  // namespace

bool OwnerBeats::lives(const std::string& owner) {
  const auto pid = living_process(owner);
  if (!pid) return false;
  std::string now = keepers_switches(*pid);
  std::string& before = seen_[owner];
  const bool moved = !before.empty() && !now.empty() && now != before;
  before = std::move(now);
  return moved;
}

std::string this_process_as_owner() {
  const std::string pid = std::to_string(::getpid());
  return fmt::format("{}{}/{}", here(), pid, start_of(pid));
}

bool is_dead_owner(std::string_view owner) {
  if (!owner.starts_with(here())) return false;
  owner.remove_prefix(here().size());
  const std::size_t slash = owner.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view pid = owner.substr(0, slash);
  int number = 0;
  const auto [end, error] = std::from_chars(pid.data(), pid.data() + pid.size(), number);
  if (error != std::errc() || end != pid.data() + pid.size() || number <= 0) return false;
  return start_of(pid) != owner.substr(slash + 1);
}

std::string describe_owner(std::string_view owner) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= owner.size();) {
    const std::size_t end = std::min(owner.find('/', at), owner.size());
    parts.push_back(owner.substr(at, end - at));
    at = end + 1;
  }
  if (parts.size() != 5) return std::string(owner);
  std::string who(parts[0]);
  if (owner.starts_with(here())) {
    // "split-service: task 1"
    std::string title = first_line(fmt::format("/proc/{}/cmdline", parts[3]));
    title.resize(std::min(title.find('\0'), title.size()));
    const std::size_t role = title.find(": ");
    if (role != std::string::npos) who = title.substr(role + 2);
  }
  return fmt::format("{} pid {}", who, parts[3]);
}

}  // namespace saola::jobs
