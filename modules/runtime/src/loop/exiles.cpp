#include "loop/exiles.hpp"

#include <functional>

#include "loop/fiber.hpp"

namespace saola::runtime::detail {
namespace {

// Not one of the table's own values.
std::uint64_t usable(std::uint64_t hash) {
  return hash < 2 ? hash + 2 : hash;
}

}  // namespace

std::uint64_t hash_of_kind(std::string_view kind) {
  return usable(std::hash<std::string_view>{}(kind));
}

std::uint64_t hash_of_site(const char* file, std::uint32_t line) {
  // The address of the file's name is as good as the name. splitmix64's last steps.
  std::uint64_t x = reinterpret_cast<std::uintptr_t>(file) * 31 + line;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return usable(x ^ (x >> 31));
}

const Exiles::Slot* Exiles::find(std::uint64_t hash) const {
  for (std::size_t i = 0; i < kSlots; ++i) {
    const Slot& slot = slots_[(hash + i) % kSlots];
    const std::uint64_t there = slot.hash.load(std::memory_order_relaxed);
    if (there == hash) return &slot;
    if (there == kEmpty) return nullptr;
  }
  return nullptr;
}

bool Exiles::holds(const Fiber& fiber) const {
  // The clock is asked only for a fiber that is, or was, an exile.
  const auto own = fiber.exiled_until_ns.load(std::memory_order_relaxed);
  if (own != 0 && own > ns_of(std::chrono::steady_clock::now())) return true;
  if (kinds_.load(std::memory_order_relaxed) == 0) return false;
  if (!fiber.learnable.load(std::memory_order_relaxed)) return false;
  const Slot* slot = find(fiber.kind_hash.load(std::memory_order_relaxed));
  return slot != nullptr &&
         ns_of(std::chrono::steady_clock::now()) - slot->last_ns.load(std::memory_order_relaxed) <=
             memory_.count();
}

void Exiles::renew(Fiber& fiber, SteadyTime now) {
  if (fiber.exiled_until_ns.load(std::memory_order_relaxed) != 0) {
    fiber.exiled_until_ns.store(ns_of(now + kProbation), std::memory_order_relaxed);
  }
  if (!fiber.learnable.load(std::memory_order_relaxed)) return;
  if (Slot* slot = find(fiber.kind_hash.load(std::memory_order_relaxed))) {
    slot->last_ns.store(ns_of(now), std::memory_order_relaxed);
  }
}

bool Exiles::exile_kind(std::uint64_t hash, SteadyTime now) {
  if (Slot* known = find(hash)) {
    known->last_ns.store(ns_of(now), std::memory_order_relaxed);
    return false;
  }
  // A full table would make every question that finds nothing a walk over all of it.
  if (kinds_.load(std::memory_order_relaxed) >= kSlots / 2) return false;
  for (std::size_t i = 0; i < kSlots; ++i) {
    Slot& slot = slots_[(hash + i) % kSlots];
    const std::uint64_t there = slot.hash.load(std::memory_order_relaxed);
    if (there != kEmpty && there != kTombstone) continue;
    slot.last_ns.store(ns_of(now), std::memory_order_relaxed);
    slot.hash.store(hash, std::memory_order_relaxed);
    kinds_.fetch_add(1, std::memory_order_relaxed);
    active_.store(true, std::memory_order_relaxed);
    return true;
  }
  return false;
}

void Exiles::exile_one(Fiber& fiber, SteadyTime now) {
  fiber.exiled_until_ns.store(ns_of(now + kProbation), std::memory_order_relaxed);
  active_.store(true, std::memory_order_relaxed);
}

std::uint64_t Exiles::pardon_one(SteadyTime now) {
  if (kinds_.load(std::memory_order_relaxed) == 0) return 0;
  for (Slot& slot : slots_) {
    const std::uint64_t hash = slot.hash.load(std::memory_order_relaxed);
    if (hash == kEmpty || hash == kTombstone) continue;
    if (ns_of(now) - slot.last_ns.load(std::memory_order_relaxed) <= memory_.count()) continue;
    slot.hash.store(kTombstone, std::memory_order_relaxed);
    kinds_.fetch_sub(1, std::memory_order_relaxed);
    return hash;
  }
  return 0;
}

}  // namespace saola::runtime::detail
