// A file descriptor with one owner.
#pragma once

#include <utility>

namespace saola {

// Owns a descriptor, or none (-1). Closes it in the destructor.
class unique_fd {
 public:
  unique_fd() = default;
  explicit unique_fd(int fd) : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~unique_fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // Gives up ownership.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  // Closes what it owns, then owns `fd`.
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

}  // namespace saola
