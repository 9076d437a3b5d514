// What task workers count of the attempts they run.
#pragma once

#include <array>
#include <functional>

#include <saola/jobs/job_context.hpp>
#include <saola/observe/metrics.hpp>

namespace saola::service {

class JobMetrics {
 public:
  // Adds saola_job_attempts_total{outcome} and saola_job_attempt_seconds.
  void declare(observe::MetricTable& table);

  // Runs `attempt` and counts how it ended and how long it took, in `slot`. Also when it throws,
  // which counts as a retry. REQUIRES: declare() was called.
  jobs::Outcome count(const observe::MetricSlot& slot,
                      const std::function<jobs::Outcome()>& attempt) const;

 private:
  // By index in jobs::Outcome.
  std::array<observe::CounterId, std::variant_size_v<jobs::Outcome>> ended_{};
  observe::HistogramId seconds_{};
};

}  // namespace saola::service
