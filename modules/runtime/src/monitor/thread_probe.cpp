#include "monitor/thread_probe.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include <saola/base/process_stat.hpp>

namespace saola::runtime::detail {
namespace {

std::string task_file(pid_t tid, const char* name) {
  return "/proc/self/task/" + std::to_string(tid) + "/" + name;
}

std::string read_small(const std::string& path) {
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[512];
  const ssize_t n = fd ? ::read(fd.get(), buffer, sizeof buffer) : -1;
  return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
}

}  // namespace

ThreadProbe::Usage ThreadProbe::usage(pid_t tid) {
  if (tid != tid_) {
    tid_ = tid;
    schedstat_.reset(::open(task_file(tid, "schedstat").c_str(), O_RDONLY | O_CLOEXEC));
  }
  char buffer[128];
  const ssize_t n = schedstat_ ? ::pread(schedstat_.get(), buffer, sizeof buffer - 1, 0) : -1;
  if (n <= 0) return {};
  buffer[n] = '\0';
  unsigned long long cpu = 0;
  unsigned long long delay = 0;
  if (std::sscanf(buffer, "%llu %llu", &cpu, &delay) != 2) return {};
  return {Duration(static_cast<std::int64_t>(cpu)), Duration(static_cast<std::int64_t>(delay))};
}

Duration ThreadProbe::cpu_time(pid_t tid) {
  // clock_getcpuclockid(3)'s encoding, kernel ABI.
  const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(tid) << 3) | 6);
  timespec t{};
  if (::clock_gettime(clock, &t) != 0) return {};
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

char ThreadProbe::state(pid_t tid) {
  return ProcessStat::read(task_file(tid, "stat")).state();
}

bool ThreadProbe::waiting_at(pid_t tid, std::uintptr_t& pc, std::uintptr_t& sp) {
  // "number a1 … a6 sp pc", "running", or "-1 sp pc" when blocked outside a system call.
  const std::string text = read_small(task_file(tid, "syscall"));
  const std::size_t last = text.rfind(' ');
  if (last == std::string::npos || last == 0) return false;
  const std::size_t before = text.rfind(' ', last - 1);
  if (before == std::string::npos) return false;
  pc = std::strtoull(text.c_str() + last + 1, nullptr, 16);
  sp = std::strtoull(text.c_str() + before + 1, nullptr, 16);
  return pc != 0 && sp != 0;
}

}  // namespace saola::runtime::detail
