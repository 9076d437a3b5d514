#include "process/process_title.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>

#include <saola/base/process_stat.hpp>

namespace saola::server {

std::vector<std::string> original_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<std::string> arguments;
  for (std::size_t at = 0; at < bytes.size();) {
    arguments.emplace_back(bytes.c_str() + at);
    at += arguments.back().size() + 1;
  }
  return arguments;
}

// The kernel tells where argv's texts begin and where the environment's, which follow them, end.
ProcessTitle::ProcessTitle() {
  constexpr int kArgumentsStart = 48;
  constexpr int kEnvironmentEnd = 51;
  const ProcessStat stat = ProcessStat::read("/proc/self/stat");
  const std::uintptr_t begin = stat.number(kArgumentsStart);
  const std::uintptr_t end = stat.number(kEnvironmentEnd);
  if (begin == 0 || end <= begin) return;
  // Never destroyed: libraries that are unloaded at exit still read the environment.
  static auto& texts = *new std::vector<std::string>;
  static auto& pointers = *new std::vector<char*>;
  for (char** variable = environ; *variable != nullptr; ++variable) texts.emplace_back(*variable);
  for (std::string& variable : texts) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  environ = pointers.data();
  begin_ = reinterpret_cast<char*>(begin);
  end_ = reinterpret_cast<char*>(end);
}

std::string short_title(std::string_view title) {
  constexpr std::size_t kLongest = 15;
  if (title.size() <= kLongest) return std::string(title);
  const std::size_t colon = std::min(title.find(": "), title.size());
  std::string role(title.substr(std::min(colon + 2, title.size())));
  // "web 1": "w1". What has no number, the arbiter, stands for the service.
  const std::size_t number = role.find_first_of("0123456789");
  role = number == std::string::npos ? "" : role.front() + role.substr(number);
  if (role.size() >= kLongest) role.clear();
  return std::string(title.substr(0, std::min(colon, kLongest - role.size()))) + role;
}

void ProcessTitle::set(std::string_view title) const {
  ::prctl(PR_SET_NAME, short_title(title).c_str());
  if (begin_ == end_) return;
  std::memset(begin_, 0, static_cast<std::size_t>(end_ - begin_));
  const std::size_t room = static_cast<std::size_t>(end_ - begin_) - 1;
  std::ranges::copy(title.substr(0, room), begin_);
}

}  // namespace saola::server
