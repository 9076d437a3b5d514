#include "futex.hpp"

#include <linux/futex.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

namespace saola::runtime::detail {

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t value, Deadline deadline) {
  timespec until{};
  if (!deadline.is_never()) {
    const auto ns = deadline.time().time_since_epoch().count();
    until.tv_sec = ns / 1'000'000'000;
    until.tv_nsec = ns % 1'000'000'000;
  }
  // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time.
  ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, value,
            deadline.is_never() ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

void futex_wake(std::atomic<std::uint32_t>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void futex_wake_all(std::atomic<std::uint32_t>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

bool is_readable(int fd) {
  pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&p, 1, 0) > 0;
}

void wait_readable(int fd) {
  pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
  ::poll(&p, 1, -1);
}

}  // namespace saola::runtime::detail
