// What ps and top show of a process.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace saola::server {

// The arguments the process was started with, copied from /proc/self/cmdline: with them the arbiter
// starts the program again, whatever main() did to its argv. Call before ProcessTitle::set().
std::vector<std::string> original_arguments();

// Overwrites the memory of argv and environ, which is what ps reads; the environment moves to the
// heap first. Names the main thread too, which is what pgrep, top and core files show. Linux only.
class ProcessTitle {
 public:
  // REQUIRES: no thread uses the environment meanwhile; one lives in a process.
  ProcessTitle();
  // "split-service: web 1": cut to the room there is. The thread's name has 15 bytes: the part before
  // the colon when the whole does not fit.
  void set(std::string_view title) const;

 private:
  char* begin_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace saola::server
