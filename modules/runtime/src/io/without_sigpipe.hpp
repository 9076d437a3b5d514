// Writing where nobody may read any more.
#pragma once

#include <signal.h>

#include <ctime>

namespace saola::runtime::detail {

// While one lives this thread takes EPIPE without SIGPIPE, for the calls that have no MSG_NOSIGNAL:
// a signal of its own making is taken back. Not across a suspending call. Keeps errno.
class WithoutSigpipe {
 public:
  WithoutSigpipe();
  ~WithoutSigpipe();
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t before_;
  bool was_pending_;
};

}  // namespace saola::runtime::detail
