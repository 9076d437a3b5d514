#include <unistd.h>

#include <saola/base/unique_fd.hpp>

namespace saola {

void unique_fd::reset(int fd) {
  // On Linux the descriptor is gone even when close() reports EINTR: never retry.
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace saola
