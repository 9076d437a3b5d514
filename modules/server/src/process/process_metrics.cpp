#include "process/process_metrics.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include <fmt/core.h>

#include <saola/base/process_stat.hpp>
#include <saola/server/server.hpp>

namespace saola::server {
namespace {

namespace fs = std::filesystem;

struct Process {
  std::string worker;
  pid_t pid;
};

std::vector<Process> processes(const SharedState& state, pid_t arbiter) {
  std::vector<Process> out{{"arbiter", arbiter}};
  for (std::size_t i = 0; i < state.slots(); ++i) {
    const SlotState& slot = state.slot(i);
    const pid_t pid = slot.pid.load(std::memory_order_relaxed);
    if (pid <= 0 || slot.stage.load(std::memory_order_relaxed) == Stage::kFree) continue;
    const auto role = static_cast<Role>(slot.role.load(std::memory_order_relaxed));
    out.push_back(
        {fmt::format("{} {}", to_string(role), slot.number.load(std::memory_order_relaxed)), pid});
  }
  return out;
}

double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

std::optional<double> open_files(pid_t pid) {
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  struct stat info{};
  // Linux 6.2 and later count them here.
  if (::stat(folder.c_str(), &info) == 0 && info.st_size > 0) {
    return static_cast<double>(info.st_size);
  }
  std::error_code refused;
  const fs::directory_iterator entries(folder, refused);
  if (refused) return std::nullopt;
  return static_cast<double>(std::distance(fs::begin(entries), fs::end(entries)));
}

std::optional<double> most_files(pid_t pid) {
  rlimit limit{};
  if (::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

struct Series {
  const char* name;
  const char* type;
  const char* help;
  std::optional<double> (*read)(pid_t pid, const ProcessStat& stat);
};

// Numbers of fields in proc(5).
constexpr int kUserTicks = 14, kSystemTicks = 15, kThreads = 20, kStart = 22, kVirtual = 23,
              kResident = 24;

double number(const ProcessStat& stat, int field) {
  return static_cast<double>(stat.number(field));
}
double seconds(double ticks) {
  static const auto per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return ticks / per_second;
}

constexpr Series kSeries[] = {
    {"process_cpu_seconds_total", "counter", "User and system CPU time.",
     [](pid_t, const ProcessStat& stat) -> std::optional<double> {
       return seconds(number(stat, kUserTicks) + number(stat, kSystemTicks));
     }},
    {"process_resident_memory_bytes", "gauge", "Memory that is resident.",
     [](pid_t, const ProcessStat& stat) -> std::optional<double> {
       static const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
       return number(stat, kResident) * page;
     }},
    {"process_virtual_memory_bytes", "gauge", "Memory that is mapped.",
     [](pid_t, const ProcessStat& stat) -> std::optional<double> {
       return number(stat, kVirtual);
     }},
    {"process_threads", "gauge", "Threads.",
     [](pid_t, const ProcessStat& stat) -> std::optional<double> {
       return number(stat, kThreads);
     }},
    {"process_start_time_seconds", "gauge", "When it was started, in seconds since 1970.",
     [](pid_t, const ProcessStat& stat) -> std::optional<double> {
       static const double boot = boot_time();
       return boot + seconds(number(stat, kStart));
     }},
    {"process_open_fds", "gauge", "Descriptors that are open.",
     [](pid_t pid, const ProcessStat&) { return open_files(pid); }},
    {"process_max_fds", "gauge", "Descriptors that may be open.",
     [](pid_t pid, const ProcessStat&) { return most_files(pid); }},
};

}  // namespace

std::string process_metrics(const SharedState& state, pid_t arbiter) {
  std::vector<std::pair<Process, ProcessStat>> read;
  for (Process& process : processes(state, arbiter)) {
    auto stat = ProcessStat::read(fmt::format("/proc/{}/stat", process.pid));
    if (stat.lives()) read.emplace_back(std::move(process), std::move(stat));
  }
  std::string out;
  for (const Series& series : kSeries) {
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", series.name, series.help, series.type);
    for (const auto& [process, stat] : read) {
      if (const auto value = series.read(process.pid, stat)) {
        out += fmt::format("{}{{worker=\"{}\"}} {}\n", series.name, process.worker, *value);
      }
    }
  }
  return out;
}

}  // namespace saola::server
