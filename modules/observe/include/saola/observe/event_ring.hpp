// The last events of a process, for whoever asks "what happened?".
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include <saola/base/time.hpp>

namespace saola::observe {

struct Event {
  SystemTime time{};
  std::uint64_t number =
      0;             // counts from 1; a gap in what a reader saw shows that events were lost
  std::string kind;  // "worker_started", "stall", …
  std::string text;
};

// Keeps the `capacity` newest events. Thread-safe; each call takes a short lock.
class EventRing {
 public:
  explicit EventRing(std::size_t capacity = 256, const Clock& clock = real_clock())
      : capacity_(capacity), clock_(clock) {}

  void add(std::string kind, std::string text);
  // Those with a number above `after`, oldest first.
  std::vector<Event> since(std::uint64_t after = 0) const;

 private:
  const std::size_t capacity_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::uint64_t last_number_ = 0;  // GUARDED_BY(mutex_)
  std::deque<Event> events_;       // GUARDED_BY(mutex_), oldest first
};

}  // namespace saola::observe
