// How a child process begins, whatever this process has blocked or ignores.
#pragma once

#include <spawn.h>

namespace saola {

// For posix_spawn(): no signal is blocked in the child, and its writes fail as any program's do
// (SIGPIPE, SIGXFSZ), which a server ignores. Everything else is inherited.
//
//   const SpawnAttributes attributes;
//   ::posix_spawn(&pid, path, nullptr, attributes.get(), argv, environ);
class SpawnAttributes {
 public:
  SpawnAttributes();
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

}  // namespace saola
