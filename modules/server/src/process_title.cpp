#include "process_title.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

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

ProcessTitle::ProcessTitle(char** argv) {
  if (argv == nullptr || argv[0] == nullptr) return;
  // The kernel lays out argv's texts and then the environment's, one after the other.
  begin_ = argv[0];
  end_ = begin_;
  for (char** text = argv; *text != nullptr && *text == end_; ++text) {
    end_ += std::strlen(*text) + 1;
  }
  std::size_t count = 0;
  while (environ[count] != nullptr) ++count;
  // Lives as long as the process: the C library keeps pointing at it.
  char** copy = new char*[count + 1];
  for (std::size_t i = 0; i < count; ++i) {
    if (environ[i] == end_) end_ += std::strlen(environ[i]) + 1;
    copy[i] = ::strdup(environ[i]);
  }
  copy[count] = nullptr;
  environ = copy;
}

void ProcessTitle::set(std::string_view title) const {
  if (begin_ == end_) return;
  std::memset(begin_, 0, static_cast<std::size_t>(end_ - begin_));
  const std::size_t room = static_cast<std::size_t>(end_ - begin_) - 1;
  std::ranges::copy(title.substr(0, room), begin_);
}

}  // namespace saola::server
