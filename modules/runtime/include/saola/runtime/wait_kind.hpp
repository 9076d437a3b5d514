// What a waiting task waits for, as lists of tasks show it.
//
//   task 7 "GET /report" waits for 1.2 s: mutex 0x7f3a… held by task 3 "writer"
#pragma once

#include <cstdint>
#include <string_view>

namespace saola::runtime {

// The primitives that name their waiters. A primitive of your own is kOther, or passes what it is
// most like to its WaitQueue, Condition or Event.
enum class WaitKind : std::uint8_t {
  kOther,  // a Waiter or WaitQueue that nobody named
  kSleep,
  kMutex,
  kSharedMutex,
  kCondition,
  kEvent,
  kSemaphore,
  kBarrier,
  kItem,  // of a queue or channel: an item to take
  kRoom,  // of a queue or channel: room for an item, or its taker
  kBroadcast,
  kWatch,
  kTask,       // the end of a task
  kTaskGroup,  // a TaskGroup or JoinSet: the end of its tasks, or room for one more
  kSelect,     // whichever comes first
  kReadable,
  kWritable,
  kOffloadCpu,
  kOffloadBlocking,
  kProcess,
  kFuture,
  kResolve,
  kWork,  // an executor's worker: work to do
};
// "mutex", "queue (item)", …
std::string_view to_string(WaitKind kind);

// A kind, and which one of it: an address inside the object (equal for all who wait for the same),
// a descriptor, a process or a task. 56 bits of it are kept.
//
//   Waiter waiter(WaitFor(WaitKind::kEvent, this));
struct WaitFor {
  constexpr WaitFor(WaitKind k = WaitKind::kOther, std::uint64_t which = 0) : kind(k), id(which) {}
  WaitFor(WaitKind k, const void* object) : WaitFor(k, reinterpret_cast<std::uintptr_t>(object)) {}
  WaitKind kind;
  std::uint64_t id;
};

}  // namespace saola::runtime
