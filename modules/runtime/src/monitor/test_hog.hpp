// For tests of stalls: fibers that hog, and what shows whether others had to wait.
#pragma once

#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include <saola/observe/stall_report.hpp>
#include <saola/runtime/task.hpp>

#include "loop/carrier.hpp"

namespace saola::runtime {

using namespace std::chrono_literals;

// Keeps every report.
class Sink final : public observe::StallSink {
 public:
  void report(observe::StallReport report) override {
    std::lock_guard lock(mutex_);
    reports_.push_back(std::move(report));
  }
  std::vector<observe::StallReport> take() {
    std::lock_guard lock(mutex_);
    return std::exchange(reports_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<observe::StallReport> reports_;
};

// Burns CPU for so long, in a function that a stack must name.
[[gnu::noinline]] inline void burn_cpu_for(Duration duration) {
  timespec start{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
  const auto ns = [](const timespec& t) { return t.tv_sec * 1'000'000'000L + t.tv_nsec; };
  timespec now{};
  volatile std::uint64_t sink = 0;
  do {
    for (int i = 0; i < 10'000; ++i) sink = sink + static_cast<std::uint64_t>(i);
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  } while (ns(now) - ns(start) < duration.count());
}

// Does the calling fiber run on a side carrier?
inline bool on_side() {
  const detail::Carrier* carrier = detail::current_carrier();
  return carrier != nullptr && carrier->side;
}

// The longest time between two turns of a fiber that sleeps 1 ms at a time.
class Pulse {
 public:
  Pulse()
      : task_(spawn([this] {
          auto last = std::chrono::steady_clock::now();
          while (!stop_) {
            this_task::sleep_for(1ms);
            const auto now = std::chrono::steady_clock::now();
            longest_ = std::max<Duration>(longest_, now - last);
            last = now;
          }
        })) {}
  Duration stop() {
    stop_ = true;
    task_.join();
    return longest_;
  }

 private:
  std::atomic<bool> stop_{false};
  Duration longest_{};
  Task task_;
};

}  // namespace saola::runtime
