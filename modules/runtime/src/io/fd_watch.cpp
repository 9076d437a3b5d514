#include "io/fd_watch.hpp"

#include <sched.h>
#include <sys/epoll.h>

#include <saola/base/check.hpp>

namespace saola::runtime::detail {

bool FdDirection::wait_with(WaitNode& node) {
  for (;;) {
    std::uintptr_t seen = kIdle;
    if (state_.compare_exchange_strong(seen, reinterpret_cast<std::uintptr_t>(&node),
                                       std::memory_order_acq_rel, std::memory_order_acquire)) {
      return true;
    }
    SAOLA_CHECK(seen <= kWaking, "two tasks wait for the same direction of one descriptor");
    if (take()) return false;
    ::sched_yield();  // kWaking: becomes kReady
  }
}

void FdDirection::waited(WaitNode& node, bool notified) {
  for (;;) {
    std::uintptr_t seen = reinterpret_cast<std::uintptr_t>(&node);
    if (state_.compare_exchange_strong(seen, kIdle, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      return;
    }
    if (seen != kWaking) break;
    ::sched_yield();
  }
  if (notified) take();
}

void FdWatch::on_events(std::uint32_t events) {
  constexpr std::uint32_t kRead = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  constexpr std::uint32_t kWrite = EPOLLOUT | EPOLLHUP | EPOLLERR;
  constexpr std::uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((events & kEnd) != 0) ended.store(true, std::memory_order_relaxed);
  if ((events & kRead) != 0) reading.edge();
  if ((events & kWrite) != 0) writing.edge();
}

}  // namespace saola::runtime::detail
