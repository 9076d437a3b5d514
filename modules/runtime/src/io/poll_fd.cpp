#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <mutex>
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
  SAOLA_CHECK(!watch->reading.has_waiter() && !watch->writing.has_waiter(),
              "a descriptor was closed while a task waits on it");
  ::epoll_ctl(watch->loop.epoll_fd(), EPOLL_CTL_DEL, watch->fd, nullptr);
  detail::Carrier* carrier = detail::current_carrier();
  const bool mine =
      carrier != nullptr && carrier->loop == &watch->loop && carrier->fiber != nullptr;
  if (mine && !carrier->in_runtime && Loop::try_enter(carrier) != nullptr) {
    // No batch of events is being worked through while a fiber of the loop has it.
    Loop::leave(carrier);
    delete watch;
  } else {
    // The loop's owner may have an event for it in its hands: it deletes the watch when it is done
    // with that.
    watch->loop.send(watch->retire_node);
  }
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

FdWatch* PollFd::watch_on(Loop& loop) {
  FdWatch* watch = watch_.load(std::memory_order_acquire);
  if (watch != nullptr && &watch->loop == &loop) return watch;
  std::unique_ptr<FdWatch> made(new (std::nothrow) FdWatch(loop, fd_.get()));
  if (made == nullptr) {
    errno = ENOMEM;
    return nullptr;
  }
  FdWatch* old = nullptr;
  int error = 0;
  {
    // The tasks of both directions may come at the same time, from different threads.
    std::lock_guard lock(guard_);
    watch = watch_.load(std::memory_order_relaxed);
    if (watch != nullptr && &watch->loop == &loop) return watch;
    old = watch_.exchange(nullptr, std::memory_order_acq_rel);
    // EPOLL_CTL_ADD reports what is ready already as the first edge.
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                      .data = {.ptr = made.get()}};
    watch = nullptr;
    loop.publish_watch();
    if (::epoll_ctl(loop.epoll_fd(), EPOLL_CTL_ADD, fd_.get(), &event) == 0) {
      watch = made.release();
      watch_.store(watch, std::memory_order_release);
    } else {
      error = detail::last_errno();
    }
  }
  retire(old);
  if (watch == nullptr) errno = error;
  return watch;
}

Result<void> PollFd::wait_for(Direction direction, Deadline deadline, WaitFor what) {
  const bool for_reading = direction == Direction::kRead;
  detail::TaskState& task = detail::current_task();
  if (task.kind != detail::TaskKind::kFiber) {
    const Wake wake =
        static_cast<detail::BlockingTask&>(task).poll_fd(fd_.get(), for_reading, deadline, what);
    if (wake != Wake::kNotified) return fail(detail::wait_error(wake));
    return {};
  }
  auto& fiber = static_cast<Fiber&>(task);
  FdWatch* watch = watch_on(fiber.loop);
  if (watch == nullptr) {
    return fail(errno_error(detail::last_errno(), "cannot watch a descriptor"));
  }
  detail::FdDirection& edge = for_reading ? watch->reading : watch->writing;
  Waiter waiter(what);
  WaitNode node(waiter);
  if (edge.take() || !edge.wait_with(node)) {
    if (fiber.should_cancel()) return fail(detail::wait_error(Wake::kCancelled));
    return {};
  }
  Wake wake;
  try {
    wake = waiter.park(deadline);
  } catch (...) {  // no memory for the deadline
    edge.waited(node, false);
    throw;
  }
  edge.waited(node, wake == Wake::kNotified);
  if (wake != Wake::kNotified) return fail(detail::wait_error(wake));
  return {};
}

bool PollFd::end_seen() const {
  const FdWatch* watch = watch_.load(std::memory_order_acquire);
  return watch != nullptr && watch->ended.load(std::memory_order_relaxed);
}

Result<void> PollFd::wait_readable(Deadline deadline) {
  return wait_for(Direction::kRead, deadline,
                  {WaitKind::kReadable, static_cast<std::uint64_t>(fd())});
}
Result<void> PollFd::wait_writable(Deadline deadline) {
  return wait_for(Direction::kWrite, deadline,
                  {WaitKind::kWritable, static_cast<std::uint64_t>(fd())});
}

// ---- As a branch of select(): readiness is asked of the kernel, an edge only says when to ask.

namespace detail {

bool DescriptorBranch::take() {
  return cannot_watch_ || is_ready(poll_.fd(), for_reading_);
}

bool DescriptorBranch::enlist(WaitNode& node) {
  TaskState& task = current_task();
  if (task.kind != TaskKind::kFiber) return true;  // it polls
  FdWatch* watch = poll_.watch_on(static_cast<Fiber&>(task).loop);
  if (watch == nullptr) {
    cannot_watch_ = true;
    return false;
  }
  FdDirection& edge = for_reading_ ? watch->reading : watch->writing;
  // What came before is in the kernel's answer; what comes after makes a new edge.
  edge.take();
  if (!is_ready(poll_.fd(), for_reading_) && edge.wait_with(node)) return true;
  edge.mark();
  return false;
}

void DescriptorBranch::withdraw(WaitNode& node) {
  if (current_task().kind != TaskKind::kFiber) return;
  if (FdWatch* watch = poll_.watch_.load(std::memory_order_acquire)) {
    (for_reading_ ? watch->reading : watch->writing).waited(node, false);
  }
}

}  // namespace detail

}  // namespace saola::runtime
