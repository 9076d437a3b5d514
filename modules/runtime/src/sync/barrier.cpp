#include <mutex>

#include <saola/base/check.hpp>
#include <saola/runtime/sync/barrier.hpp>
#include <saola/runtime/task.hpp>

namespace saola::runtime {

Barrier::Barrier(std::size_t parties) : parties_(parties) {
  SAOLA_CHECK(parties > 0, "a Barrier is for one task or more");
}

Result<std::size_t> Barrier::arrive_and_wait(Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (broken_) return fail(ErrorCode::kClosed, "the barrier is broken");
  const std::size_t place = arrived_++;
  if (arrived_ == parties_) {
    arrived_ = 0;
    ++round_;
    changed_.notify_all();
    return place;
  }
  const std::uint64_t round = round_;
  const std::uint64_t breaks = breaks_;
  while (round_ == round && breaks_ == breaks) {
    const Wake wake = changed_.wait(lock, deadline);
    if (wake == Wake::kNotified || round_ != round || breaks_ != breaks) continue;
    broken_ = true;
    arrived_ = 0;
    ++breaks_;
    changed_.notify_all();
    if (wake == Wake::kTimedOut) {
      return fail(ErrorCode::kTimedOut, "the deadline passed while waiting at a barrier");
    }
    return fail(this_task::cancelled_error("while waiting at a barrier"));
  }
  if (round_ != round) return place;
  return fail(ErrorCode::kClosed, "the barrier is broken: another task gave up waiting");
}

void Barrier::abort() {
  const std::lock_guard lock(mutex_);
  broken_ = true;
  arrived_ = 0;
  ++breaks_;
  changed_.notify_all();
}

void Barrier::reset() {
  const std::lock_guard lock(mutex_);
  broken_ = false;
  arrived_ = 0;
  ++breaks_;
  changed_.notify_all();
}

bool Barrier::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

std::size_t Barrier::waiting() const {
  const std::lock_guard lock(mutex_);
  return arrived_;
}

}  // namespace saola::runtime
