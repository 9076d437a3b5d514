#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/core.h>

#include <saola/base/log.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/server/server.hpp>

namespace saola::server {
namespace {

constexpr int kLowestPriority = 19;

}  // namespace

// SCHED_IDLE would do as well in PEERS' figures, but a thread in it that holds a lock can be kept
// off the CPU for seconds; nice 19 always gets its 1.5 percent. docs/decisions has the measurement.
void demote_this_thread() {
  // On Linux, PRIO_PROCESS with a thread's id means that thread.
  const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
  if (::setpriority(PRIO_PROCESS, thread, kLowestPriority) != 0) {
    log_warning("this thread's CPU priority cannot be lowered; jobs may slow requests down");
  }
  // Leading a session of one's own means an autogroup of one's own, whose nice value is what
  // counts.
  if (::getsid(0) == ::getpid()) {
    const unique_fd file(::open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC));
    const std::string text = fmt::format("{}", kLowestPriority);
    [[maybe_unused]] const ssize_t written = ::write(file.get(), text.data(), text.size());
  }
}

}  // namespace saola::server
