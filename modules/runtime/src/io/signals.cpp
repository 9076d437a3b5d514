#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <saola/runtime/signals.hpp>

#include "loop/last_errno.hpp"

namespace saola::runtime {

SignalSet::SignalSet(std::initializer_list<int> signals) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals) ::sigaddset(&set, signal);
  const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  unique_fd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (error != 0 || !fd) {
    throw std::system_error(error != 0 ? error : errno, std::system_category(),
                            "cannot watch signals");
  }
  fd_ = PollFd(std::move(fd));
}

Result<int> SignalSet::wait(Deadline deadline) {
  for (;;) {
    signalfd_siginfo info;
    if (::read(fd_.fd(), &info, sizeof info) == sizeof info)
      return static_cast<int>(info.ssi_signo);
    if (const int error = detail::last_errno(); error != EAGAIN && error != EINTR)
      return fail(errno_error(error, "cannot read a signal"));
    if (auto readable = fd_.wait_readable(deadline); !readable) return fail(readable);
  }
}

}  // namespace saola::runtime
