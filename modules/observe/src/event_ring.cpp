#include <algorithm>

#include <saola/observe/event_ring.hpp>

namespace saola::observe {

void EventRing::add(std::string kind, std::string text) {
  const SystemTime now = clock_.system_now();
  const NativeLock lock(mutex_);
  events_.push_back({now, ++last_number_, std::move(kind), std::move(text)});
  if (events_.size() > capacity_) events_.pop_front();
}

std::vector<Event> EventRing::since(std::uint64_t after) const {
  const NativeLock lock(mutex_);
  const auto first = std::ranges::upper_bound(events_, after, {}, &Event::number);
  return {first, events_.end()};
}

}  // namespace saola::observe
