// Learned placement: kinds of task that have hogged start on native threads for a while.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <saola/base/time.hpp>

namespace saola::runtime::detail {

class PlacementTable {
 public:
  explicit PlacementTable(Duration memory) : memory_(memory) {}

  // A fiber of this kind held the loop past the threshold. Any thread.
  void learn(const std::string& kind, Duration held);
  // Why a task of this kind should start on a native thread; empty: it need not. Forgets what is
  // older than the memory. Any thread; one relaxed load while nothing is known.
  std::string why_native(std::string_view kind);
  bool knows_any() const { return known_.load(std::memory_order_relaxed) != 0; }

 private:
  struct Entry {
    std::uint64_t times = 0;
    Duration longest{};
    SteadyTime last{};
  };
  const Duration memory_;
  // entries_.size(), for the fast path; relaxed: a task started in the same instant is placed the
  // old way.
  std::atomic<std::size_t> known_{0};
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // GUARDED_BY(mutex_)
};

}  // namespace saola::runtime::detail
