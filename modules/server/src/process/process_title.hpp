// What ps and top show of a process.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace saola::server {

// The arguments the process was started with, copied from /proc/self/cmdline: with them the arbiter
// starts the program again, whatever main() did to its argv. Call before ProcessTitle::set().
std::vector<std::string> original_arguments();

// `title` in the 15 bytes that the kernel has for a name: "hello: web 1" as it is, of
// "split-service: web 1" "split-servicew1", so that both `pgrep split-service` finds it and top says
// which it is; of "split-service: arbiter" "split-service".
std::string short_title(std::string_view title);

// Overwrites the memory of argv and environ, which is what ps reads; the environment moves to the
// heap first. Names the main thread too, which is what pgrep, top and core files show. Linux only.
class ProcessTitle {
 public:
  // REQUIRES: no thread uses the environment meanwhile; one lives in a process.
  ProcessTitle();
  // "split-service: web 1", cut to the room there is; the thread's name is short_title() of it.
  void set(std::string_view title) const;

 private:
  char* begin_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace saola::server
