// Linux system calls that libc does not wrap.
#pragma once

#include <atomic>
#include <cstdint>

#include <saola/base/time.hpp>

namespace saola::runtime::detail {

// Sleeps while `word` equals `value`, until a wake or the deadline, which is of CLOCK_MONOTONIC even
// while a test has a virtual clock. May return early.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t value, Deadline deadline);
void futex_wake(std::atomic<std::uint32_t>& word);
void futex_wake_all(std::atomic<std::uint32_t>& word);
// poll(2) for reading, without waiting.
bool is_readable(int fd);
// The same, with all the time that it takes, or until a signal.
void wait_readable(int fd);

}  // namespace saola::runtime::detail
