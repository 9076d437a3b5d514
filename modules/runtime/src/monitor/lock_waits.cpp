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
    for (LockQuestion::Asked& asked : question.asked) {
      if (asked.holder != holder) continue;
      if (asked.answer.tasks++ == 0) {
        asked.answer.longest = now - wait->since;
        asked.answer.first =
            wait->waiter.activity.empty() ? wait->waiter.name.get() : wait->waiter.activity.get();
      }
    }
  }
  question.pending.store(false, std::memory_order_release);
}

}  // namespace saola::runtime::detail
