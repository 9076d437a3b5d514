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

void ProcessTitle::set(std::string_view title) const {
  constexpr std::size_t kLongestName = 15;
  const std::string name(title.size() <= kLongestName ? title : title.substr(0, title.find(':')));
  ::prctl(PR_SET_NAME, name.c_str());
  if (begin_ == end_) return;
  std::memset(begin_, 0, static_cast<std::size_t>(end_ - begin_));
  const std::size_t room = static_cast<std::size_t>(end_ - begin_) - 1;
  std::ranges::copy(title.substr(0, room), begin_);
}

}  // namespace saola::server
