// For tests: takes the loop away from running fibers at random moments, thousands of times a
// second, by the monitor's own protocol. The runtime it works on needs StallPolicy::kIgnore: there
// is one thief at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <random>
#include <thread>

#include "loop/force_theft.hpp"

namespace saola::runtime {

class ForcedStealer {
 public:
  // Rests for 0 to `most_rest` between two attempts.
  ForcedStealer(Runtime& runtime, Duration most_rest, std::uint64_t seed)
      : impl_(runtime.impl()), thread_([this, most_rest, seed] { work(most_rest, seed); }) {}
  ~ForcedStealer() { stop(); }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::uint64_t steals() const { return steals_.load(std::memory_order_relaxed); }

  // One theft, if a fiber runs right now.
  static bool steal_once(Runtime::Impl& impl) {
    const std::uint64_t word = impl.loop.word();
    return detail::is_running(word) && detail::force_theft(impl, word);
  }

 private:
  void work(Duration most_rest, std::uint64_t seed) {
    std::minstd_rand random(static_cast<std::minstd_rand::result_type>(seed));
    std::uniform_int_distribution<std::int64_t> rest(0, most_rest.count());
    while (!stopping_.load()) {
      // Most attempts meet a runtime section or a fiber that has just gone.
      for (int i = 0; i < 1000 && !stopping_.load(); ++i) {
        if (!steal_once(impl_)) continue;
        steals_.fetch_add(1, std::memory_order_relaxed);
        break;
      }
      const SteadyTime until = real_clock().steady_now() + Duration(rest(random));
      while (real_clock().steady_now() < until) ::sched_yield();
    }
  }

  Runtime::Impl& impl_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> steals_{0};
  std::thread thread_;
};

}  // namespace saola::runtime
