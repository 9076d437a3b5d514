// What the monitor knows of one stall, and of one rescued fiber.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <saola/base/time.hpp>
#include <saola/observe/stall_report.hpp>

#include "loop/fiber.hpp"

namespace saola::runtime::detail {

// Addresses, not names yet.
struct StallNote {
  observe::StallReport report;  // without its stack
  std::vector<std::uintptr_t> stack;
};

// One rescued fiber. Owned by the monitor; the hog's thread only stores the time at which it left.
struct Rescue {
  Rescue(Fiber& hog, pid_t thread, std::uint64_t run_word)
      : fiber(hog), task(hog.id.load(std::memory_order_relaxed)), tid(thread), word(run_word) {}

  Fiber& fiber;
  const std::uint64_t task;  // its id
  const pid_t tid;
  const std::uint64_t word;  // under which it ran
  StallNote note;
  std::string kind;             // in words
  std::uint64_t kind_hash = 0;  // what placement is learned for; 0: this one fiber
  SteadyTime since{};
  // What it took in many short slices, if that is why; else zero.
  Duration polite{};
  // Somebody waited. Not always known in the moment of the theft: the new carrier finds somebody,
  // or nobody, and then it was no stall.
  bool certain = true;
  bool unfounded = false;
  bool counted = false;
  bool exiled = false;
  std::optional<StallNote> exile_note;  // of its kind, not reported yet
  // Its first report is not written before there is a stack to go with it, or no more hope of one.
  bool reported = false;
  int tries = 0;
  bool lock_reported = false;
  // Written by the monitor, read by the hog's thread when it leaves: relaxed.
  std::atomic<bool> demoted{false};
  // 0: still away. Release by the hog's thread, whose last touch it is; acquire by the monitor.
  std::atomic<std::int64_t> ended_ns{0};
};

// The kind of a fiber as people read it: its name, or the place that spawned it.
std::string kind_text(const Fiber& fiber);

// Has the thread of this carrier, the calling one, a lower priority by now?
inline bool is_demoted(const Carrier& carrier) {
  if (carrier.demoted.load(std::memory_order_relaxed)) return true;
  const Rescue* rescue = carrier.rescue.load(std::memory_order_acquire);
  return rescue != nullptr && rescue->demoted.load(std::memory_order_relaxed);
}

}  // namespace saola::runtime::detail
