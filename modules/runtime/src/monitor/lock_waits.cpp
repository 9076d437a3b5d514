#include "monitor/lock_waits.hpp"

namespace saola::runtime::detail {
namespace {

// Looked at in one answer: the loop stands still meanwhile.
constexpr int kMostLookedAt = 1024;

}  // namespace

void LockWaits::answer(LockQuestion& question) const {
  const SteadyTime now = std::chrono::steady_clock::now();
  int looked_at = 0;
  for (const LockWait* wait = first_; wait != nullptr && looked_at < kMostLookedAt;
       wait = wait->next, ++looked_at) {
    const std::uint64_t holder = wait->holder.load(std::memory_order_relaxed);
    for (int i = 0; i < question.count; ++i) {
      LockQuestion::Asked& asked = question.asked[i];
      if (asked.holder != holder || asked.tasks++ != 0) continue;
      asked.longest = now - wait->since;
      const Fiber& first = wait->waiter;
      if (first.activity.empty()) {
        first.name.copy_to(asked.first, asked.first_length);
      } else {
        first.activity.copy_to(asked.first, asked.first_length);
      }
    }
  }
  question.pending.store(false, std::memory_order_release);
}

}  // namespace saola::runtime::detail
