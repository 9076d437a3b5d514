#include "job_metrics.hpp"

#include <chrono>

namespace saola::service {

void JobMetrics::declare(observe::MetricTable& table) {
  constexpr const char* kOutcomes[] = {"done", "retry", "discard", "cancelled", "snooze"};
  static_assert(std::size(kOutcomes) == std::variant_size_v<jobs::Outcome>);
  for (std::size_t i = 0; i < ended_.size(); ++i) {
    ended_[i] = table.counter("saola_job_attempts_total", "Attempts of jobs that ended.",
                              {{"outcome", kOutcomes[i]}});
  }
  std::vector<std::uint64_t> bounds;
  for (const std::uint64_t ms :
       {10, 30, 100, 300, 1'000, 3'000, 10'000, 30'000, 100'000, 300'000, 1'000'000, 3'600'000}) {
    bounds.push_back(ms * 1'000'000);
  }
  seconds_ = table.histogram("saola_job_attempt_seconds", "How long attempts of jobs ran.",
                             std::move(bounds));
}

jobs::Outcome JobMetrics::count(const observe::MetricSlot& slot,
                                const std::function<jobs::Outcome()>& attempt) const {
  const auto start = std::chrono::steady_clock::now();
  const auto note = [&](std::size_t outcome) {
    const Duration took = std::chrono::steady_clock::now() - start;
    slot.counter(ended_[outcome]).add();
    slot.histogram(seconds_).record(static_cast<std::uint64_t>(took.count()));
  };
  try {
    jobs::Outcome outcome = attempt();
    note(outcome.index());
    return outcome;
  } catch (...) {
    note(jobs::Outcome(jobs::Retry{}).index());
    throw;
  }
}

}  // namespace saola::service
