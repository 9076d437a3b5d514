// A file descriptor with one owner.
//
//   unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
//   if (!file) return fail(errno_error(errno, "open " + path));
//   ::read(file.get(), …);                // borrowed: the owner still closes it
//   return start_child(file.release());   // given away: closing it is the child's business now
//
// Spelled as the standard's handles are (unique_ptr, unique_lock), for it behaves as they do. Not
// thread-safe.
#pragma once

#include <utility>

namespace saola {

// Owns a descriptor, or none (-1), and closes it in the destructor. What close() reports is
// ignored: a writer that must know whether its data is safe calls fsync() first.
class unique_fd {
 public:
  unique_fd() = default;
  // Takes ownership of `fd`. Any negative number, such as what a failed open() returned, is none.
  explicit unique_fd(int fd) : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~unique_fd() { reset(); }

  // The descriptor, still owned here, or a negative number.
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // Returns the descriptor and gives up ownership: the caller closes it. This one owns none then.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  // Closes what it owns, then owns `fd`. Keeps errno as close() leaves it: read errno first.
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

}  // namespace saola
