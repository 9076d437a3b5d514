#include "open_loop/summary.hpp"

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include <saola/base/unique_fd.hpp>

namespace open_loop {
namespace {

constexpr int kRaisedNice = -10;

id_t this_thread() {
  return static_cast<id_t>(::syscall(SYS_gettid));
}

}  // namespace

double percentile_ms(std::vector<saola::Duration> values, double share) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::ranges::nth_element(values, at);
  return std::chrono::duration<double, std::milli>(*at).count();
}

std::uint16_t free_port() {
  const saola::unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return 0;
  }
  return ntohs(address.sin_port);
}

InstrumentThread::InstrumentThread() {
  ::sched_getaffinity(0, sizeof allowed_, &allowed_);
  for (int core = CPU_SETSIZE - 1; core >= 0; --core) {
    if (!CPU_ISSET(core, &allowed_)) continue;
    cpu_set_t last;
    CPU_ZERO(&last);
    CPU_SET(core, &last);
    ::sched_setaffinity(0, sizeof last, &last);
    break;
  }
  nice_ = ::getpriority(PRIO_PROCESS, this_thread());
  ::setpriority(PRIO_PROCESS, this_thread(), kRaisedNice);
  ::prctl(PR_SET_TIMERSLACK, 1000UL);  // ns; the default of 50 µs would count as latency
}

InstrumentThread::~InstrumentThread() {
  ::prctl(PR_SET_TIMERSLACK, 0UL);  // back to the default
  ::setpriority(PRIO_PROCESS, this_thread(), nice_);
  ::sched_setaffinity(0, sizeof allowed_, &allowed_);
}

}  // namespace open_loop
