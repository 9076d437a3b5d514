#include <signal.h>

#include <initializer_list>

#include <saola/base/spawn_attributes.hpp>

namespace saola {

SpawnAttributes::SpawnAttributes() {
  ::posix_spawnattr_init(&attributes_);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes_, &none);
  sigset_t of_writes;
  ::sigemptyset(&of_writes);
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::sigaddset(&of_writes, signal);
  ::posix_spawnattr_setsigdefault(&attributes_, &of_writes);
  ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

}  // namespace saola
