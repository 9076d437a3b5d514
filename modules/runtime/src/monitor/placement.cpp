#include "monitor/placement.hpp"

#include <fmt/chrono.h>
#include <fmt/core.h>

namespace saola::runtime::detail {

void PlacementTable::learn(const std::string& kind, Duration held) {
  std::lock_guard lock(mutex_);
  Entry& entry = entries_[kind];
  ++entry.times;
  entry.longest = std::max(entry.longest, held);
  entry.last = std::chrono::steady_clock::now();
  known_.store(entries_.size(), std::memory_order_relaxed);
}

std::string PlacementTable::why_native(std::string_view kind) {
  if (!knows_any()) return {};
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(kind);
  if (found == entries_.end()) return {};
  const Entry& entry = found->second;
  if (std::chrono::steady_clock::now() - entry.last > memory_) {
    entries_.erase(found);
    known_.store(entries_.size(), std::memory_order_relaxed);
    return {};
  }
  return fmt::format(
      "'{}' has held the loop {} time(s), at most for {} ms; it starts on a native thread until it "
      "has not "
      "done so for {} s",
      kind, entry.times, entry.longest / std::chrono::milliseconds(1),
      memory_ / std::chrono::seconds(1));
}

}  // namespace saola::runtime::detail
