// The last events of a process, for whoever asks "what happened?".
//
//   EventRing events;
//   events.add("worker_started", "web 2, pid 4711");
//   …
//   for (const Event& event : events.since(last_seen)) {
//     if (event.number > last_seen + 1) show("some were lost");
//     last_seen = event.number;
//     show(event.text);
//   }
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <saola/base/guarded.hpp>
#include <saola/base/time.hpp>

namespace saola::observe {

// One thing that happened.
struct Event {
  SystemTime time{};
  std::uint64_t number =
      0;             // counts from 1; a gap in what a reader saw shows that events were lost
  std::string kind;  // "worker_started", "stall", …
  std::string text;
};

// Keeps the `capacity` newest events; older ones are dropped. Thread-safe; each call takes a short
// lock, never held across anything slow.
class EventRing {
 public:
  // `clock` stamps the events and must outlive the ring.
  explicit EventRing(std::size_t capacity = 256, const Clock& clock = real_clock())
      : capacity_(capacity), clock_(clock) {}

  // Stamps the event with the present time and the next number.
  void add(std::string kind, std::string text);
  // Copies of those with a number above `after`, oldest first. All with 0.
  std::vector<Event> since(std::uint64_t after = 0) const;

 private:
  const std::size_t capacity_;
  const Clock& clock_;
  mutable NativeMutex mutex_;
  std::uint64_t last_number_ GUARDED_BY(mutex_) = 0;
  std::deque<Event> events_ GUARDED_BY(mutex_);  // oldest first
};

}  // namespace saola::observe
