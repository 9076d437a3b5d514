#include "io/without_sigpipe.hpp"

#include <cerrno>

namespace saola::runtime::detail {
namespace {

sigset_t sigpipe() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGPIPE);
  return set;
}

}  // namespace

WithoutSigpipe::WithoutSigpipe() {
  sigset_t pending;
  ::sigpending(&pending);
  was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
  const sigset_t pipe_signal = sigpipe();
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before_);
}

WithoutSigpipe::~WithoutSigpipe() {
  const int error = errno;
  if (error == EPIPE && !was_pending_) {
    const sigset_t pipe_signal = sigpipe();
    const timespec at_once{};
    ::sigtimedwait(&pipe_signal, nullptr, &at_once);
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  errno = error;
}

}  // namespace saola::runtime::detail
