#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

#include <saola/base/check.hpp>
#include <saola/runtime/socket.hpp>

#include "io/fd_watch.hpp"
#include "loop/last_errno.hpp"
#include "loop/loop.hpp"
#include "native_task.hpp"

namespace saola::runtime {
namespace {

using detail::FdWatch;
using detail::Fiber;
using detail::Loop;

std::unexpected<Error> wait_error(Wake wake) {
  if (wake == Wake::kCancelled) return fail(ErrorCode::kCancelled, "the task was cancelled");
  return fail(ErrorCode::kTimedOut, "the deadline passed while waiting for a socket");
}

// Registers `fd` with the loop. EPOLL_CTL_ADD reports what is ready already as the first edge.
Result<void> start_watching(int fd, Loop& loop,
                            std::unique_ptr<FdWatch, detail::FdWatchDeleter>& watch) {
  watch.reset();
  auto made = std::unique_ptr<FdWatch, detail::FdWatchDeleter>(new FdWatch(loop));
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                    .data = {.ptr = made.get()}};
  if (::epoll_ctl(loop.epoll_fd(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return std::unexpected(errno_error(detail::last_errno(), "cannot watch a descriptor"));
  }
  made->fd = fd;
  watch = std::move(made);
  return {};
}

Result<void> wait_for(int fd, std::unique_ptr<FdWatch, detail::FdWatchDeleter>& watch,
                      bool for_reading, Deadline deadline) {
  detail::TaskState& task = detail::current_task();
  if (task.kind != detail::TaskKind::kFiber) {
    auto& thread = static_cast<detail::BlockingTask&>(task);
    const Wake wake = thread.poll_fd(fd, for_reading ? POLLIN | POLLRDHUP : POLLOUT, deadline);
    if (wake != Wake::kNotified) return wait_error(wake);
    return {};
  }
  // The fiber owns the loop while it looks at and changes `watch`, the pointer included: a rescued
  // fiber that made one elsewhere would race with the fiber that uses the other direction.
  auto& fiber = static_cast<Fiber&>(task);
  detail::Carrier* carrier = fiber.loop.enter(fiber);
  if (watch == nullptr || &watch->loop != &fiber.loop) {
    if (auto started = start_watching(fd, fiber.loop, watch); !started) {
      Loop::leave(carrier);
      return started;
    }
  }
  bool& ready = for_reading ? watch->readable : watch->writable;
  Waiter*& slot = for_reading ? watch->reader : watch->writer;
  if (ready) {
    ready = false;
    Loop::leave(carrier);
    if (fiber.should_cancel()) return wait_error(Wake::kCancelled);
    return {};
  }
  SAOLA_CHECK(slot == nullptr, "two tasks wait for the same direction of one descriptor");
  Waiter waiter;
  slot = &waiter;
  const Wake wake = fiber.loop.park_owned(carrier, fiber, waiter, deadline, Cancellable::kYes);
  if (slot == &waiter) slot = nullptr;
  if (wake == Wake::kNotified) ready = false;
  Loop::leave(carrier);
  if (wake != Wake::kNotified) return wait_error(wake);
  return {};
}

}  // namespace

void detail::FdWatchDeleter::operator()(FdWatch* watch) const {
  SAOLA_CHECK(watch->reader == nullptr && watch->writer == nullptr,
              "a descriptor was closed while a task waits on it");
  if (watch->fd >= 0) ::epoll_ctl(watch->loop.epoll_fd(), EPOLL_CTL_DEL, watch->fd, nullptr);
  Carrier* carrier = current_carrier();
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

PollFd::PollFd(unique_fd fd) : fd_(std::move(fd)) {
  if (!fd_) return;
  const int flags = ::fcntl(fd_.get(), F_GETFL);
  if ((flags & O_NONBLOCK) == 0) ::fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK);
}
PollFd::PollFd(PollFd&&) noexcept = default;
PollFd& PollFd::operator=(PollFd&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::move(other.fd_);
    watch_ = std::move(other.watch_);
  }
  return *this;
}
PollFd::~PollFd() {
  close();
}

void PollFd::close() {
  watch_.reset();
  fd_.reset();
}

Result<void> PollFd::wait_readable(Deadline deadline) {
  return wait_for(fd_.get(), watch_, true, deadline);
}
Result<void> PollFd::wait_writable(Deadline deadline) {
  return wait_for(fd_.get(), watch_, false, deadline);
}

}  // namespace saola::runtime
