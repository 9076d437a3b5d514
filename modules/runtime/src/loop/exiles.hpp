// Exiles: the kinds of task that have hogged the loop, and therefore run on side carriers for a while.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <source_location>
#include <string_view>

#include <saola/base/time.hpp>

namespace saola::runtime::detail {

// As atomics hold it.
inline std::int64_t ns_of(SteadyTime time) {
  return time.time_since_epoch().count();
}

struct Fiber;

// What a kind is known by: the hash of its name, or of the place in the source that spawned it.
std::uint64_t hash_of_kind(std::string_view kind);
std::uint64_t hash_of_site(const char* file, std::uint32_t line);

// A table of atomics: the loop's owner asks it at every pick of a fiber and must not wait for anybody.
// Exiling and pardoning is the monitor's alone; everything else is any thread's.
class Exiles {
 public:
  // A kind that has not hogged for `memory` is pardoned.
  explicit Exiles(Duration memory) : memory_(memory) {}

  // Has nobody ever been exiled? Then nothing else needs to be asked.
  bool quiet() const { return !active_.load(std::memory_order_relaxed); }
  // Does the fiber, or its kind, belong on the side now?
  bool holds(const Fiber& fiber) const;
  // It took too long again: its time begins anew.
  void renew(Fiber& fiber, SteadyTime now);

  // ---- The monitor's thread.
  // Exiles the kind of this hash. False when it is exiled already, or there is no room for more.
  bool exile_kind(std::uint64_t hash, SteadyTime now);
  void exile_one(Fiber& fiber, SteadyTime now);
  // Takes the next kind out that has behaved; 0: no such kind.
  std::uint64_t pardon_one(SteadyTime now);

 private:
  // A fiber that is exiled by itself, not by its kind, behaves for this long before it comes home.
  static constexpr Duration kProbation = std::chrono::seconds(1);
  static constexpr std::size_t kSlots = 512;
  static constexpr std::uint64_t kEmpty = 0;
  static constexpr std::uint64_t kTombstone = 1;

  struct Slot {
    std::atomic<std::uint64_t> hash{kEmpty};
    std::atomic<std::int64_t> last_ns{0};
  };
  const Slot* find(std::uint64_t hash) const;
  Slot* find(std::uint64_t hash) {
    return const_cast<Slot*>(static_cast<const Exiles*>(this)->find(hash));
  }

  const Duration memory_;
  // Relaxed throughout: an answer from before an exile or a pardon costs one slice in the old place.
  std::atomic<bool> active_{false};
  std::atomic<std::size_t> kinds_{0};
  std::array<Slot, kSlots> slots_;
};

}  // namespace saola::runtime::detail
