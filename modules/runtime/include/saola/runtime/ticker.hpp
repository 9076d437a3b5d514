// Something to be done every so often.
//
//   Ticker ticker(10s);
//   for (;;) {
//     ticker.wait();
//     report();
//   }
#pragma once

#include <cstdint>

#include <saola/base/time.hpp>

namespace saola::runtime {

// What becomes of ticks that came while the task was busy.
enum class MissedTicks : std::uint8_t {
  kSkip,   // left out: the next tick is the next multiple of the period
  kBurst,  // made up for: ticks come without a pause until none is owed
  kDelay,  // left out, and the period starts anew: the next tick is one period from now
};

// Ticks once a period, the first time one period after it was made; not later and later, as
// sleep_for() in a loop would. By the steady clock. Used by one task at a time.
//
// In a select() its next() is the deadline: `select(ticker.next(), on_set(stop))`; call wait() when
// that has passed, which then does not wait.
class Ticker {
 public:
  // REQUIRES: period > 0.
  explicit Ticker(Duration period, MissedTicks missed = MissedTicks::kSkip);

  // Waits for the next tick. Returns how many were left out before it (0 with kBurst). SUSPENDS;
  // throws Cancelled.
  std::uint64_t wait();
  // When the next tick is due, perhaps in the past.
  Deadline next() const { return Deadline::at(due_); }

 private:
  const Duration period_;
  const MissedTicks missed_;
  SteadyTime due_;
};

}  // namespace saola::runtime
