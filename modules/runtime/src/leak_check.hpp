// For tests: a test ends with the descriptors and threads it began with.
#pragma once

#include <dirent.h>
#include <sched.h>

#include <cstddef>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include <saola/base/time.hpp>

namespace saola::runtime {

class LeakCheck {
 public:
  ~LeakCheck() {
    // A thread that was joined leaves /proc a moment later.
    const Deadline limit = Deadline::after(std::chrono::seconds(5));
    while (entries("/proc/self/task") > threads_ && !limit.passed()) ::sched_yield();
    EXPECT_LE(entries("/proc/self/task"), threads_) << "threads were left behind";
    EXPECT_LE(entries("/proc/self/fd"), descriptors_) << "descriptors were left behind";
  }

  static std::size_t entries(const char* directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory), ::closedir);
    std::size_t n = 0;
    while (dir != nullptr && ::readdir(dir.get()) != nullptr) ++n;
    return n;
  }

 private:
  static std::size_t threads() {
    // ThreadSanitizer starts a thread of its own, for good, with the program's first.
    static const bool started = (std::thread([] {}).join(), true);
    return started ? entries("/proc/self/task") : 0;
  }

  const std::size_t threads_ = threads();
  const std::size_t descriptors_ = entries("/proc/self/fd");
};

}  // namespace saola::runtime
