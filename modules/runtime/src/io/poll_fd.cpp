#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <new>

#include <saola/base/check.hpp>
#include <saola/runtime/select.hpp>
#include <saola/runtime/socket.hpp>

#include "io/fd_watch.hpp"
#include "loop/last_errno.hpp"
#include "loop/loop.hpp"
#include "native_task.hpp"

namespace saola::runtime {

Error detail::wait_error(Wake wake, std::string_view doing) {
  if (wake == Wake::kCancelled) return this_task::cancelled_error(doing);
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

// The watch of this loop, made if need be. EPOLL_CTL_ADD reports what is ready already as the first
// edge. Null, with errno set, when the descriptor cannot be watched. REQUIRES: the caller owns the
// loop.
FdWatch* watch_of(int fd, Loop& loop, std::atomic<FdWatch*>& watch) {
  if (FdWatch* there = watch.load(std::memory_order_relaxed);
      there != nullptr && &there->loop == &loop) {
    return there;
  }
  retire(watch.exchange(nullptr, std::memory_order_acq_rel));
  std::unique_ptr<FdWatch> made(new (std::nothrow) FdWatch(loop, fd));
  if (made == nullptr) {
    errno = ENOMEM;
    return nullptr;
  }
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                    .data = {.ptr = made.get()}};
  if (::epoll_ctl(loop.epoll_fd(), EPOLL_CTL_ADD, fd, &event) != 0) return nullptr;
  watch.store(made.get(), std::memory_order_release);
  return made.release();
}

Result<void> wait_for(int fd, std::atomic<FdWatch*>& its_watch, bool for_reading,
                      Deadline deadline) {
  detail::TaskState& task = detail::current_task();
  if (task.kind != detail::TaskKind::kFiber) {
    const Wake wake = static_cast<detail::BlockingTask&>(task).poll_fd(fd, for_reading, deadline);
    if (wake != Wake::kNotified) return std::unexpected(detail::wait_error(wake));
    return {};
  }
  // The fiber owns the loop while it looks at and changes the watch, the pointer included: a
  // rescued fiber that made one elsewhere would race with the fiber that uses the other direction.
  auto& fiber = static_cast<Fiber&>(task);
  detail::Carrier* carrier = fiber.loop.enter(fiber);
  FdWatch* watch = watch_of(fd, fiber.loop, its_watch);
  if (watch == nullptr) {
    const int why = detail::last_errno();
    Loop::leave(carrier);
    return std::unexpected(errno_error(why, "cannot watch a descriptor"));
  }
  bool& ready = for_reading ? watch->readable : watch->writable;
  WaitNode*& slot = for_reading ? watch->reader : watch->writer;
  if (ready) {
    ready = false;
    Loop::leave(carrier);
    if (fiber.should_cancel()) return std::unexpected(detail::wait_error(Wake::kCancelled));
    return {};
  }
  SAOLA_CHECK(slot == nullptr, "two tasks wait for the same direction of one descriptor");
  Waiter waiter;
  WaitNode node(waiter);
  slot = &node;
  Wake wake;
  if (fiber.scope == nullptr) [[likely]] {
    wake = fiber.loop.park_owned(carrier, fiber, waiter, deadline, Cancellable::kYes);
  } else {
    Loop::leave(carrier);
    wake = waiter.park(deadline);
    carrier = fiber.loop.enter(fiber);
  }
  if (slot == &node) slot = nullptr;
  if (wake == Wake::kNotified) ready = false;
  Loop::leave(carrier);
  if (wake != Wake::kNotified) return std::unexpected(detail::wait_error(wake));
  return {};
}

bool is_ready(int fd, bool for_reading) {
  pollfd look{.fd = fd, .events = detail::poll_events(for_reading), .revents = 0};
  return ::poll(&look, 1, 0) > 0;
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

// ---- As a branch of select(): readiness is asked of the kernel, an edge only says when to ask.

namespace detail {

bool DescriptorBranch::take() {
  return cannot_watch_ || is_ready(poll_.fd(), for_reading_);
}

bool DescriptorBranch::enlist(WaitNode& node) {
  TaskState& task = current_task();
  if (task.kind != TaskKind::kFiber) return true;  // it polls
  auto& fiber = static_cast<Fiber&>(task);
  Carrier* carrier = fiber.loop.enter(fiber);
  FdWatch* watch = watch_of(poll_.fd(), fiber.loop, poll_.watch_);
  if (watch == nullptr) {
    Loop::leave(carrier);
    cannot_watch_ = true;
    return false;
  }
  bool& edge = for_reading_ ? watch->readable : watch->writable;
  WaitNode*& slot = for_reading_ ? watch->reader : watch->writer;
  SAOLA_CHECK(slot == nullptr, "two tasks wait for the same direction of one descriptor");
  // What came before is in the kernel's answer; what comes after makes a new edge.
  edge = is_ready(poll_.fd(), for_reading_);
  if (!edge) slot = &node;
  const bool queued = !edge;
  Loop::leave(carrier);
  return queued;
}

void DescriptorBranch::withdraw(WaitNode& node) {
  TaskState& task = current_task();
  if (task.kind != TaskKind::kFiber) return;
  auto& fiber = static_cast<Fiber&>(task);
  Carrier* carrier = fiber.loop.enter(fiber);
  FdWatch* watch = poll_.watch_.load(std::memory_order_relaxed);
  WaitNode*& slot = for_reading_ ? watch->reader : watch->writer;
  if (slot == &node) slot = nullptr;
  Loop::leave(carrier);
}

}  // namespace detail

}  // namespace saola::runtime
