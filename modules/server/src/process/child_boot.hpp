// What the arbiter tells a child it starts: written into a memfd that the child inherits, named by
// the environment variable kChildVariable.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/server/server.hpp>
#include <saola/server/settings.hpp>

#include "access/credentials.hpp"

namespace saola::server {

inline constexpr const char* kChildVariable = "SAOLA_INTERNAL_CHILD";

struct BootListener {
  int fd = -1;
  std::string where;
};

struct ChildBoot {
  Role role = Role::kWeb;
  unsigned number = 0;
  std::string identity;
  pid_t arbiter = 0;
  Settings settings;
  Credentials credentials;              // of web workers
  std::vector<BootListener> listeners;  // empty for task workers
  std::size_t slot = 0;
  std::size_t slots = 0;
  int state_fd = -1;    // SharedState
  int channel_fd = -1;  // SOCK_SEQPACKET to the arbiter
};

// A memfd with the text, close-on-exec.
Result<unique_fd> write_boot(const ChildBoot& boot);
// Reads and closes the descriptor.
Result<ChildBoot> read_boot(int fd);

// The exit status of a child whose program could not be started, as a shell's.
inline constexpr int kCannotStart = 127;

// Starts `path` as a child process: `environment` is all it gets ("NAME=VALUE"), `keep` the
// descriptors that stay open (with their numbers) although they are close-on-exec here. Signals
// that are blocked here stay so: one that comes before the program is ready for it waits instead of
// killing it. REQUIRES: this process has one thread.
Result<pid_t> spawn_program(const std::string& path, const std::vector<std::string>& arguments,
                            const std::vector<std::string>& environment,
                            const std::vector<int>& keep);

// This process's environment as texts.
std::vector<std::string> environment_texts();

}  // namespace saola::server
