#include "worker/read_ahead.hpp"

#include <algorithm>

namespace saola::server {

ReadAhead::ReadAhead(http::BodyReader& body, Budget& budget) : body_(body), budget_(budget) {
  constexpr std::size_t kStep = 16 * 1024;
  while (front_.size() < kMost && budget_.held.load(std::memory_order_relaxed) < kMostTogether) {
    const std::size_t before = front_.size();
    front_.resize(before + kStep);
    const auto count = body_.read(std::span(front_).subspan(before));
    const std::size_t came = count.value_or(0);
    front_.resize(before + came);
    budget_.held.fetch_add(came, std::memory_order_relaxed);
    if (came == 0) return;
  }
}

ReadAhead::~ReadAhead() {
  budget_.held.fetch_sub(front_.size(), std::memory_order_relaxed);
}

Result<std::size_t> ReadAhead::read(std::span<char> buffer) {
  if (taken_ < front_.size()) {
    const std::size_t count = front_.copy(buffer.data(), buffer.size(), taken_);
    taken_ += count;
    return count;
  }
  budget_.waiting.fetch_add(1, std::memory_order_relaxed);
  auto count = body_.read(buffer);
  budget_.waiting.fetch_sub(1, std::memory_order_relaxed);
  return count;
}

}  // namespace saola::server
