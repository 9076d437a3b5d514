#include "process/process_title.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

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
  std::string stat;
  std::getline(std::ifstream("/proc/self/stat"), stat);
  std::istringstream fields(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  constexpr int kFirst = 3;  // the field after the name (proc(5))
  constexpr int kArgumentsStart = 48;
  constexpr int kEnvironmentEnd = 51;
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::string text;
  for (int field = kFirst; field <= kEnvironmentEnd && fields >> text; ++field) {
    if (field == kArgumentsStart) begin = std::strtoull(text.c_str(), nullptr, 10);
    if (field == kEnvironmentEnd) end = std::strtoull(text.c_str(), nullptr, 10);
  }
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
  if (begin_ == end_) return;
  std::memset(begin_, 0, static_cast<std::size_t>(end_ - begin_));
  const std::size_t room = static_cast<std::size_t>(end_ - begin_) - 1;
  std::ranges::copy(title.substr(0, room), begin_);
}

}  // namespace saola::server
