#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include <saola/base/check.hpp>
#include <saola/runtime/socket.hpp>

#include "io/fd_watch.hpp"
#include "loop/last_errno.hpp"
#include "loop/loop.hpp"
#include "native_task.hpp"

namespace saola::runtime {

Error detail::wait_error(Wake wake, std::string_view doing) {
  if (wake == Wake::kCancelled) {
    return {ErrorCode::kCancelled, fmt::format("the task was cancelled {}", doing)};
  }
  return {ErrorCode::kTimedOut, fmt::format("the deadline passed {}", doing)};
}

namespace {

using detail::FdWatch;
using detail::Fiber;
using detail::Loop;

// Frees a watch that nobody waits with.
void retire(FdWatch* watch) {
  if (watch == nullptr) return;
  SAOLA_CHECK(watch->reader == nullptr && watch->writer == nullptr,
              "a descriptor was closed while a task waits on it");
  ::epoll_ctl(watch->loop.epoll_fd(), EPOLL_CTL_DEL, watch->fd, nullptr);
  detail::Carrier* carrier = detail::current_carrier();
  const bool mine =
      carrier != nullptr && carrier->loop == &watch->loop && carrier->fiber != nullptr;
  if (mine && !carrier->in_runtime && Loop::try_enter(carrier) != nullptr) {
    // No batch of events is being worked through while a fiber of the loop has it.
    delete watch;
    Loop::leave(carrier);
  } else {
    // The loop's owner may have an event for it in its hands: it deletes the watch when it is done
    // with that.
    watch->loop.send(watch->retire_node);
  }
}

// Registers `fd` with the loop. EPOLL_CTL_ADD reports what is ready already as the first edge.
Result<void> start_watching(int fd, Loop& loop, std::atomic<FdWatch*>& watch) {
  retire(watch.exchange(nullptr, std::memory_order_acq_rel));
  auto made = std::make_unique<FdWatch>(loop, fd);
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                    .data = {.ptr = made.get()}};
  if (::epoll_ctl(loop.epoll_fd(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return std::unexpected(errno_error(detail::last_errno(), "cannot watch a descriptor"));
  }
  watch.store(made.release(), std::memory_order_release);
  return {};
}

Result<void> wait_for(int fd, std::atomic<FdWatch*>& its_watch, bool for_reading,
                      Deadline deadline) {
  detail::TaskState& task = detail::current_task();
  if (task.kind != detail::TaskKind::kFiber) {
    auto& thread = static_cast<detail::BlockingTask&>(task);
    const Wake wake = thread.poll_fd(fd, for_reading ? POLLIN | POLLRDHUP : POLLOUT, deadline);
    if (wake != Wake::kNotified) return std::unexpected(detail::wait_error(wake));
    return {};
  }
  // The fiber owns the loop while it looks at and changes the watch, the pointer included: a
  // rescued fiber that made one elsewhere would race with the fiber that uses the other direction.
  auto& fiber = static_cast<Fiber&>(task);
  detail::Carrier* carrier = fiber.loop.enter(fiber);
  FdWatch* watch = its_watch.load(std::memory_order_relaxed);
  if (watch == nullptr || &watch->loop != &fiber.loop) {
    if (auto started = start_watching(fd, fiber.loop, its_watch); !started) {
      Loop::leave(carrier);
      return started;
    }
    watch = its_watch.load(std::memory_order_relaxed);
  }
  bool& ready = for_reading ? watch->readable : watch->writable;
  Waiter*& slot = for_reading ? watch->reader : watch->writer;
  if (ready) {
    ready = false;
    Loop::leave(carrier);
    if (fiber.should_cancel()) return std::unexpected(detail::wait_error(Wake::kCancelled));
    return {};
  }
  SAOLA_CHECK(slot == nullptr, "two tasks wait for the same direction of one descriptor");
  Waiter waiter;
  slot = &waiter;
  const Wake wake = fiber.loop.park_owned(carrier, fiber, waiter, deadline, Cancellable::kYes);
  if (slot == &waiter) slot = nullptr;
  if (wake == Wake::kNotified) ready = false;
  Loop::leave(carrier);
  if (wake != Wake::kNotified) return std::unexpected(detail::wait_error(wake));
  return {};
}

}  // namespace

PollFd::PollFd(unique_fd fd) : fd_(std::move(fd)) {
  if (!fd_) return;
  const int flags = ::fcntl(fd_.get(), F_GETFL);
  if ((flags & O_NONBLOCK) == 0) ::fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK);
}
PollFd::PollFd(PollFd&& other) noexcept
    : fd_(std::move(other.fd_)), watch_(other.watch_.exchange(nullptr)) {}
PollFd& PollFd::operator=(PollFd&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::move(other.fd_);
    watch_.store(other.watch_.exchange(nullptr));
  }
  return *this;
}
PollFd::~PollFd() {
  close();
}

void PollFd::close() {
  retire(watch_.exchange(nullptr, std::memory_order_acq_rel));
  fd_.reset();
}

Result<void> PollFd::wait_readable(Deadline deadline) {
  return wait_for(fd_.get(), watch_, true, deadline);
}
Result<void> PollFd::wait_writable(Deadline deadline) {
  return wait_for(fd_.get(), watch_, false, deadline);
}

}  // namespace saola::runtime
